import { useTranslation } from 'react-i18next';
import type { UsageSum } from '../api/account';
import { shownTime } from '../texts';
import './UsageChart.css';

const HEIGHT = 140;
const STEP = 22;
const WIDEST = 16;

/** Tokens by day, as bars: what was read below what was written. The same numbers are in a table for who cannot see them. */
export function UsageChart({ sums }: { sums: readonly UsageSum[] }) {
  const { t } = useTranslation();
  const days = sums.filter((sum) => sum.name).slice(-31);
  const most = Math.max(1, ...days.map(tokensOf));
  if (!days.length) return null; // the table says so
  const height = (tokens: number) => (tokens / most) * (HEIGHT - 20);
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${Math.max(days.length, 14) * STEP} ${HEIGHT}`} role="img" aria-label={t('usage.chart')}>
        {days.map((day, at) => {
          const written = height(day.output_tokens);
          const read = height(tokensOf(day) - day.output_tokens);
          const x = at * STEP + (STEP - WIDEST) / 2;
          return (
            <g key={day.name}>
              <title>{`${dayName(day)}: ${t('composer.tokens', { count: tokensOf(day) })}`}</title>
              <rect
                className="chart-written"
                x={x}
                y={HEIGHT - written - read}
                width={WIDEST}
                height={written}
                rx="2"
              />
              <rect className="chart-read" x={x} y={HEIGHT - read} width={WIDEST} height={read} rx="2" />
            </g>
          );
        })}
      </svg>
      <figcaption className="chart-legend">
        <span className="chart-key chart-read" /> {t('usage.read')} <span className="chart-key chart-written" />{' '}
        {t('usage.written')}
        <span className="chart-most">{t('usage.most', { tokens: t('composer.tokens', { count: most }) })}</span>
      </figcaption>
    </figure>
  );
}

function tokensOf(sum: UsageSum): number {
  return sum.input_tokens + sum.cached_tokens + sum.output_tokens;
}

function dayName(sum: UsageSum): string {
  return shownTime(Date.parse(sum.name ?? '') / 1000, { dateStyle: 'medium' });
}
