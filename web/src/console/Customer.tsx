import type { FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { Button } from '../parts/Button';
import { AreaField, TextField } from '../parts/Field';
import { say, sayFailure } from '../parts/Toasts';

/** Who pays for a workspace: what an invoice says of its buyer. */
export function Customer() {
  const { t } = useTranslation();
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const word = (name: string) => String(said.get(name)).trim();
    const customer = {
      name: word('name'),
      address: word('address'),
      country: word('country').toUpperCase(),
      vat_number: word('vat') || null,
    };
    void admin.setCustomer(word('workspace'), customer).then(() => say(t('do.saved')), sayFailure);
  };
  return (
    <details className="block">
      <summary>
        <h2>{t('invoices.customer')}</h2>
      </summary>
      <form className="row" onSubmit={onSubmit}>
        <TextField label={t('users.workspace')} name="workspace" defaultValue="default" required maxLength={64} />
        <TextField label={t('users.name')} name="name" required maxLength={200} />
        <TextField label={t('invoices.country')} name="country" required pattern="[A-Za-z]{2}" placeholder="FR" />
        <TextField label={t('invoices.vatNumber')} name="vat" maxLength={20} />
        <AreaField label={t('invoices.address')} name="address" rows={3} required maxLength={1000} />
        <Button kind="main" type="submit">
          {t('do.save')}
        </Button>
      </form>
    </details>
  );
}
