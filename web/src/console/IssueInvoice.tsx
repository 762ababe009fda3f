import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { Button } from '../parts/Button';
import { ConfirmDialog } from '../parts/ConfirmDialog';
import { TextField } from '../parts/Field';
import { say, sayFailure } from '../parts/Toasts';

interface Wanted {
  workspace: string;
  period: string; // 2026-11
}

/** Makes the invoice of a workspace for a month that is over, once somebody said so twice: it is there to stay. */
export function IssueInvoice({ onIssued }: { onIssued: () => void }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<Wanted | null>(null);
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    setAsked({ workspace: String(said.get('workspace')), period: String(said.get('period')) });
  };
  const issue = (wanted: Wanted) =>
    void admin.issueInvoice(wanted).then(({ number }) => {
      say(t('invoices.issued', { number }));
      onIssued();
    }, sayFailure);
  return (
    <section className="block">
      <h2>{t('invoices.issue')}</h2>
      <form className="row" onSubmit={onSubmit}>
        <TextField label={t('users.workspace')} name="workspace" defaultValue="default" required maxLength={64} />
        <TextField
          label={t('invoices.month')}
          name="period"
          type="month"
          pattern="\d{4}-\d{2}"
          defaultValue={lastMonth()}
          max={lastMonth()}
          required
        />
        <Button kind="main" type="submit">
          {t('invoices.issue')}
        </Button>
      </form>
      {asked && (
        <ConfirmDialog
          title={t('invoices.issueTitle', { workspace: asked.workspace, month: asked.period })}
          text={t('invoices.issueText')}
          action={t('invoices.issue')}
          kind="main"
          onConfirm={() => issue(asked)}
          onClose={() => setAsked(null)}
        />
      )}
    </section>
  );
}

function lastMonth(): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1)).toISOString().slice(0, 7);
}
