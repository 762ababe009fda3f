import type { Invoice } from '../api/admin';

const COLUMNS = ['number', 'kind', 'workspace', 'period', 'issued', 'due', 'net', 'vat', 'total', 'credits'] as const;
const FORMULA = /^[=+\-@\t\r]/;

/** The list for a spreadsheet (RFC 4180), with amounts in euros. What a spreadsheet would take for a formula is text. */
export function invoiceCsv(invoices: readonly Invoice[]): Blob {
  const lines = invoices.map((invoice) => {
    const { net_cents, vat_cents, total_cents, ...rest } = invoice;
    const said = { ...rest, net: euros(net_cents), vat: euros(vat_cents), total: euros(total_cents) };
    return COLUMNS.map((column) => cell(said[column]));
  });
  return new Blob([[[...COLUMNS], ...lines].map((line) => `${line.join(',')}\r\n`).join('')], { type: 'text/csv' });
}

const euros = (cents: number) => cents / 100;

function cell(value: string | number | null): string {
  if (typeof value === 'number') return value.toFixed(2);
  const text = FORMULA.test(value ?? '') ? `'${value}` : (value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
