import { useQuery } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { Button } from '../parts/Button';
import { saveFile } from '../parts/saveFile';
import { Table } from '../parts/Table';
import { sayFailure } from '../parts/Toasts';
import { shownNumber } from '../texts';

/** Invoices and credit notes, as they were issued. */
export function Invoices() {
  const { t } = useTranslation();
  const { data } = useQuery({ queryKey: ['invoices'], queryFn: admin.invoices });
  const save = (number: string) =>
    void admin.invoicePdf(number).then((paper) => saveFile(`${number}.pdf`, paper), sayFailure);
  if (data && !data.data.length) return <p className="block soft">{t('invoices.none')}</p>;
  const heads = [t('invoices.number'), t('users.workspace'), t('invoices.month'), t('invoices.total'), ''];
  return (
    <section className="block">
      <Table caption={t('console.invoices')} heads={heads}>
        {data?.data.map(({ number, workspace, period, total_cents }) => (
          <tr key={number}>
            <th scope="row">{number}</th>
            <td>{workspace}</td>
            <td>{period}</td>
            <td>{shownNumber(total_cents / 100, { style: 'currency', currency: 'EUR' })}</td>
            <td className="table-actions">
              <Button icon={Download} aria-label={`${t('receipt.download')}: ${number}`} onClick={() => save(number)}>
                {t('receipt.download')}
              </Button>
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
