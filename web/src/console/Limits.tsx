import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { admin, MEASURES, type Measure } from '../api/admin';
import { Button } from '../parts/Button';
import { ChoiceField, TextField } from '../parts/Field';
import { MoreButton } from '../parts/MoreButton';
import { Table } from '../parts/Table';
import { sayFailure } from '../parts/Toasts';
import { useFirst } from '../parts/useFirst';
import { shownNumber } from '../texts';

const EURO = 1e9; // in nano-euros

/** How much whom may use. */
export function Limits({ mayChange }: { mayChange: boolean }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['terms', 'limits'], queryFn: admin.limits });
  const { first, onMore } = useFirst(data?.data ?? []);
  const refresh = () => queries.invalidateQueries({ queryKey: ['terms', 'limits'] });
  const set = (subject: string, measure: Measure, most: number | null) =>
    void admin.setLimit({ subject, measure, most }).then(refresh, sayFailure);
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const measure = said.get('measure') as Measure;
    set(String(said.get('subject')), measure, toUnit(Number(said.get('most')), measure));
  };
  return (
    <section className="block">
      <h2>{t('terms.limits')}</h2>
      {mayChange && (
        <form className="row" onSubmit={onSubmit}>
          <TextField label={t('terms.who')} name="subject" placeholder="workspace:default" required maxLength={80} />
          <ChoiceField
            label={t('terms.what')}
            name="measure"
            choices={MEASURES.map((each) => [each, t(`terms.measures.${each}`)] as const)}
          />
          <TextField label={t('terms.most')} name="most" type="number" min={0} step="any" required />
          <Button kind="main" type="submit">
            {t('do.save')}
          </Button>
        </form>
      )}
      <Table
        caption={t('terms.limits')}
        heads={[t('terms.who'), t('terms.what'), t('terms.most'), '']}
        none={t('terms.none')}
      >
        {data &&
          first.map(({ subject, measure, most }) => (
            <tr key={`${subject} ${measure}`}>
              <th scope="row">{subject}</th>
              <td>{t(`terms.measures.${measure as Measure}`)}</td>
              <td>{shownNumber(fromUnit(most ?? 0, measure))}</td>
              <td className="table-actions">
                {mayChange && (
                  <Button kind="danger" onClick={() => set(subject, measure as Measure, null)}>
                    {t('do.remove')}
                  </Button>
                )}
              </td>
            </tr>
          ))}
      </Table>
      <MoreButton onMore={onMore} />
    </section>
  );
}

const toUnit = (most: number, measure: string) => Math.round(measure === 'nano_euros_per_month' ? most * EURO : most);
const fromUnit = (most: number, measure: string) => (measure === 'nano_euros_per_month' ? most / EURO : most);
