import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { Button } from '../parts/Button';
import { TextField } from '../parts/Field';
import { MoreButton } from '../parts/MoreButton';
import { Table } from '../parts/Table';
import { sayFailure } from '../parts/Toasts';
import { useFirst } from '../parts/useFirst';

/** Who may ask some models alone. */
export function AllowedModels({ mayChange }: { mayChange: boolean }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['terms', 'allowed'], queryFn: admin.allowedModels });
  const { first, onMore } = useFirst(data?.data ?? []);
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const names = String(said.get('models')).split(',');
    const models = names.map((name) => name.trim()).filter(Boolean);
    void admin
      .setAllowedModels({ subject: String(said.get('subject')), models })
      .then(() => queries.invalidateQueries({ queryKey: ['terms', 'allowed'] }), sayFailure);
  };
  return (
    <section className="block">
      <h2>{t('terms.allowed')}</h2>
      <p className="soft">{t('terms.allowedHint')}</p>
      {mayChange && (
        <form className="row" onSubmit={onSubmit}>
          <TextField label={t('terms.who')} name="subject" placeholder="workspace:default" required maxLength={80} />
          <TextField label={t('terms.allowed')} name="models" />
          <Button kind="main" type="submit">
            {t('do.save')}
          </Button>
        </form>
      )}
      <Table caption={t('terms.allowed')} heads={[t('terms.who'), t('terms.allowed')]} none={t('terms.none')}>
        {data &&
          first.map(({ subject, models }) => (
            <tr key={subject}>
              <th scope="row">{subject}</th>
              <td>{models.join(', ')}</td>
            </tr>
          ))}
      </Table>
      <MoreButton onMore={onMore} />
    </section>
  );
}
