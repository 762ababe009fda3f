import { expect, test } from 'vitest';
import type { Invoice } from '../src/api/admin';
import { invoiceCsv } from '../src/console/invoiceCsv';

const invoice = (said: Partial<Invoice>): Invoice => ({
  object: 'invoice',
  number: 'F2026-00001',
  kind: 'invoice',
  workspace: 'default',
  period: '2026-11',
  issued: '2026-12-01',
  due: '2026-12-31',
  lines: [],
  net_cents: 1000,
  vat_percent: '20',
  vat_mention: null,
  vat_cents: 200,
  total_cents: 1200,
  credits: null,
  ...said,
});

test('a list of invoices is a table for spreadsheets, in which nothing is a formula', async () => {
  const csv = await invoiceCsv([
    invoice({}),
    invoice({ workspace: '=1+1', kind: 'credit_note', total_cents: -1205, credits: 'F2026-00001' }),
    invoice({ workspace: 'a "quoted", one' }),
  ]).text();
  expect(csv.split('\r\n')).toEqual([
    'number,kind,workspace,period,issued,due,net,vat,total,credits',
    'F2026-00001,invoice,default,2026-11,2026-12-01,2026-12-31,10.00,2.00,12.00,',
    "F2026-00001,credit_note,'=1+1,2026-11,2026-12-01,2026-12-31,10.00,2.00,-12.05,F2026-00001",
    'F2026-00001,invoice,"a ""quoted"", one",2026-11,2026-12-01,2026-12-31,10.00,2.00,12.00,',
    '',
  ]);
});
