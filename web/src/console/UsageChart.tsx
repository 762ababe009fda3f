import { useTranslation } from 'react-i18next';
import type { UsageSum } from '../api/account';
import { shownEuros } from '../texts';
import { DayChart, type Part } from './DayChart';

/** Tokens by day, what was read below what was written; and what they cost, where they cost something. */
export function UsageChart({ sums }: { sums: readonly UsageSum[] }) {
  const { t } = useTranslation();
  const tokens: Part[] = [
    { name: t('usage.read'), look: 'light', of: (sum) => sum.input_tokens + sum.cached_tokens },
    { name: t('usage.written'), look: 'dark', of: (sum) => sum.output_tokens },
  ];
  const cost: Part[] = [{ name: t('receipt.cost'), look: 'dark', of: (sum) => Number(sum.euros) }];
  return (
    <>
      <DayChart
        label={t('usage.chart')}
        sums={sums}
        parts={tokens}
        shown={(count) => t('composer.tokens', { count })}
      />
      <DayChart label={t('usage.costs')} sums={sums} parts={cost} shown={shownEuros} />
    </>
  );
}
