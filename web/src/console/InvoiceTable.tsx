import { Download } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { admin, type Invoice } from '../api/admin';
import { Button } from '../parts/Button';
import { ConfirmDialog } from '../parts/ConfirmDialog';
import { MoreButton } from '../parts/MoreButton';
import { saveFile } from '../parts/saveFile';
import { Table } from '../parts/Table';
import { sayFailure } from '../parts/Toasts';
import { useFirst } from '../parts/useFirst';
import { shownEuros } from '../texts';

interface InvoiceTableProps {
  invoices: readonly Invoice[]; // in the order of their numbers
  onCredit: ((number: string) => void) | null; // null: whoever looks may not
}

/** The newest first, each as paper to save, and to take back. */
export function InvoiceTable({ invoices, onCredit }: InvoiceTableProps) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<string | null>(null);
  const { first, onMore } = useFirst(invoices.toReversed());
  const takenBack = new Set(invoices.map((invoice) => invoice.credits));
  const save = (number: string) =>
    void admin.invoicePdf(number).then((paper) => saveFile(`${number}.pdf`, paper), sayFailure);
  const heads = [t('invoices.number'), t('users.workspace'), t('invoices.month'), t('invoices.total'), ''];
  return (
    <>
      <Table caption={t('console.invoices')} heads={heads}>
        {first.map(({ number, workspace, period, total_cents, credits }) => (
          <tr key={number}>
            <th scope="row">
              {number}
              {credits && <p className="soft small">{t('invoices.credits', { number: credits })}</p>}
            </th>
            <td>{workspace}</td>
            <td>{period}</td>
            <td>{shownEuros(total_cents / 100)}</td>
            <td className="table-actions">
              <Button icon={Download} aria-label={`PDF: ${number}`} onClick={() => save(number)}>
                PDF
              </Button>
              {onCredit && !credits && !takenBack.has(number) && (
                <Button
                  kind="danger"
                  aria-label={`${t('invoices.credit')}: ${number}`}
                  onClick={() => setAsked(number)}
                >
                  {t('invoices.credit')}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </Table>
      <MoreButton onMore={onMore} />
      {asked && (
        <ConfirmDialog
          title={t('invoices.creditTitle', { number: asked })}
          text={t('invoices.creditText')}
          action={t('invoices.credit')}
          onConfirm={() => onCredit?.(asked)}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}
