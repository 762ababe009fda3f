import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { admin, KINDS, type Kind } from '../api/admin';
import { Button } from '../parts/Button';
import { ChoiceField, TextField } from '../parts/Field';
import { MoreButton } from '../parts/MoreButton';
import { Table } from '../parts/Table';
import { sayFailure } from '../parts/Toasts';
import { useFirst } from '../parts/useFirst';

const NAMES = {
  input: 'usage.read',
  cached: 'terms.cached',
  output: 'usage.written',
  embedding: 'terms.embedding',
} as const satisfies Record<Kind, string>;

/** What tokens cost, from which day on. */
export function Prices({ mayChange }: { mayChange: boolean }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['terms', 'prices'], queryFn: admin.prices });
  const { first, onMore } = useFirst(data?.data ?? []);
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const word = (name: string) => String(said.get(name));
    void admin
      .setPrice({
        model: word('model'),
        kind: word('kind') as Kind,
        euros_per_million: word('euros'),
        since: word('since') || null,
      })
      .then(() => queries.invalidateQueries({ queryKey: ['terms', 'prices'] }), sayFailure);
  };
  return (
    <section className="block">
      <h2>{t('terms.prices')}</h2>
      {mayChange && (
        <form className="row" onSubmit={onSubmit}>
          <TextField label={t('models.choose')} name="model" required maxLength={128} />
          <ChoiceField
            label={t('terms.what')}
            name="kind"
            choices={KINDS.map((kind) => [kind, t(NAMES[kind])] as const)}
          />
          <TextField label={t('terms.perMillion')} name="euros" inputMode="decimal" required maxLength={40} />
          <TextField label={t('usage.since')} name="since" type="date" />
          <Button kind="main" type="submit">
            {t('do.save')}
          </Button>
        </form>
      )}
      <Table
        caption={t('terms.prices')}
        heads={[t('models.choose'), t('terms.what'), t('terms.perMillion'), t('usage.since')]}
        none={t('terms.none')}
      >
        {data &&
          first.map(({ model, kind, euros_per_million, since }) => (
            <tr key={`${model} ${kind} ${since}`}>
              <th scope="row">{model}</th>
              <td>{t(NAMES[kind as Kind])}</td>
              <td>{euros_per_million}</td>
              <td>{since}</td>
            </tr>
          ))}
      </Table>
      <MoreButton onMore={onMore} />
    </section>
  );
}
