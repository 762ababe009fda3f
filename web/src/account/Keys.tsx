import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { account, type NewKey } from '../api/account';
import { Button } from '../parts/Button';
import { TextField } from '../parts/Field';
import { sayFailure } from '../parts/Toasts';
import { KeyTable } from './KeyTable';
import { Secret } from './Secret';

/** One's own keys for programs. */
export function Keys() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['keys', 'own'], queryFn: account.keys });
  const [made, setMade] = useState<NewKey | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: ['keys', 'own'] });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const until = String(said.get('until'));
    void account.makeKey(String(said.get('name')), until ? new Date(until).toISOString() : null).then((key) => {
      setMade(key);
      form.reset();
      return refresh();
    }, sayFailure);
  };
  return (
    <section className="block">
      <h2>{t('keys.title')}</h2>
      <p className="soft">{t('keys.text')}</p>
      <form className="row" onSubmit={onSubmit}>
        <TextField label={t('keys.name')} name="name" required maxLength={100} />
        <TextField label={t('keys.until')} name="until" type="date" />
        <Button kind="main" type="submit">
          {t('do.create')}
        </Button>
      </form>
      {made && <Secret title={t('keys.once')} secret={made.key} />}
      <KeyTable keys={data?.data ?? []} onRevoke={(id) => void account.revokeKey(id).then(refresh, sayFailure)} />
    </section>
  );
}
