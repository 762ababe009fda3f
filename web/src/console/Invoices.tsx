import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../api/account';
import { admin } from '../api/admin';
import { Button } from '../parts/Button';
import { saveFile } from '../parts/saveFile';
import { sayFailure } from '../parts/Toasts';
import { Customer } from './Customer';
import { InvoiceTable } from './InvoiceTable';
import { IssueInvoice } from './IssueInvoice';
import { invoiceCsv } from './invoiceCsv';

/** Invoices and credit notes; who may, issues them. */
export function Invoices() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const mayIssue = useMay('billing:manage');
  const { data } = useQuery({ queryKey: ['invoices'], queryFn: admin.invoices });
  const refresh = () => queries.invalidateQueries({ queryKey: ['invoices'] });
  const credit = (number: string) => void admin.creditInvoice(number).then(refresh, sayFailure);
  const invoices = data?.data ?? [];
  return (
    <>
      {mayIssue && <IssueInvoice onIssued={refresh} />}
      {mayIssue && <Customer />}
      <section className="block">
        <h2>{t('console.invoices')}</h2>
        {data && !invoices.length && <p className="soft">{t('invoices.none')}</p>}
        {invoices.length > 0 && (
          <>
            <InvoiceTable invoices={invoices} onCredit={mayIssue ? credit : null} />
            <div className="row">
              <Button icon={Download} onClick={() => saveFile('invoices.csv', invoiceCsv(invoices))}>
                {t('invoices.csv')}
              </Button>
            </div>
          </>
        )}
      </section>
    </>
  );
}
