import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { UsageSum } from '../api/account';
import { admin } from '../api/admin';
import { ChoiceField, TextField } from '../parts/Field';
import { shownEnergy, shownEuros, shownNumber } from '../texts';
import { Stats } from './Stats';
import { UsageChart } from './UsageChart';
import { UsageTable } from './UsageTable';

const BY = ['model', 'workspace', 'user', 'key'] as const;

/** What everybody used, by day and by whatever one likes. */
export function Usage() {
  const { t } = useTranslation();
  const [by, setBy] = useState<(typeof BY)[number]>('model');
  const [since, setSince] = useState('');
  const days = useQuery({ queryKey: ['usage', 'all', 'day', since], queryFn: () => admin.usage({ by: 'day', since }) });
  const sums = useQuery({ queryKey: ['usage', 'all', by, since], queryFn: () => admin.usage({ by, since }) });
  const all = days.data?.data ?? [];
  return (
    <section className="block">
      <Totals sums={all} />
      <UsageChart sums={all} />
      <div className="row">
        <ChoiceField
          label={t('usage.by')}
          choices={BY.map((each) => [each, t(`usage.names.${each}`)] as const)}
          value={by}
          onChange={(event) => setBy(event.target.value as typeof by)}
        />
        <TextField
          label={t('usage.since')}
          type="date"
          value={since}
          onChange={(event) => setSince(event.target.value)}
        />
      </div>
      <UsageTable caption={t(`usage.names.${by}`)} sums={sums.data?.data ?? []} />
    </section>
  );
}

function Totals({ sums }: { sums: readonly UsageSum[] }) {
  const { t } = useTranslation();
  const total = (pick: (sum: UsageSum) => number) => sums.reduce((all, sum) => all + pick(sum), 0);
  const unknown = sums.length > 0 && sums.every((sum) => sum.joules === null);
  return (
    <Stats
      stats={[
        { name: t('usage.requests'), value: shownNumber(total((sum) => sum.requests)) },
        { name: t('usage.written'), value: shownNumber(total((sum) => sum.output_tokens)) },
        {
          name: t('receipt.energy'),
          value: unknown ? t('receipt.unknown') : shownEnergy(total((sum) => sum.joules ?? 0)),
        },
        {
          name: t('receipt.cost'),
          value: shownEuros(total((sum) => Number(sum.euros))),
        },
      ]}
    />
  );
}
