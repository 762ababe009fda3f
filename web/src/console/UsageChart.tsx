import { useTranslation } from 'react-i18next';
import type { UsageSum } from '../api/account';
import { shownTime } from '../texts';
import './UsageChart.css';

const DAYS = 31;
const DAY = 86_400_000; // ms
const HEIGHT = 100; // of the busiest day
const STEP = 22;
const WIDE = 16;

/** Tokens by day, as bars: what was read below what was written. The same numbers are in a table for who cannot see them. */
export function UsageChart({ sums }: { sums: readonly UsageSum[] }) {
  const { t } = useTranslation();
  const known = new Map(sums.map((sum) => [sum.name, sum]));
  const days = lastDays(sums.at(-1)?.name);
  const most = Math.max(1, ...days.map((day) => tokensOf(known.get(day))));
  if (!sums.length) return null; // the table says so
  const height = (tokens: number) => (tokens / most) * HEIGHT;
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${DAYS * STEP} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={t('usage.chart')}>
        {days.map((day, at) => {
          const sum = known.get(day);
          const written = height(sum?.output_tokens ?? 0);
          const all = height(tokensOf(sum));
          const x = at * STEP + (STEP - WIDE) / 2;
          return (
            <g key={day}>
              <title>{`${dayName(day)}: ${t('composer.tokens', { count: tokensOf(sum) })}`}</title>
              <rect className="chart-day" x={at * STEP} y={0} width={STEP} height={HEIGHT} />
              <rect className="chart-written" x={x} y={HEIGHT - all} width={WIDE} height={written} />
              <rect className="chart-read" x={x} y={HEIGHT - all + written} width={WIDE} height={all - written} />
            </g>
          );
        })}
      </svg>
      <div className="chart-days" aria-hidden>
        <span>{dayName(days[0])}</span>
        <span>{dayName(days.at(-1))}</span>
      </div>
      <figcaption className="chart-legend">
        <Key of="read">{t('usage.read')}</Key>
        <Key of="written">{t('usage.written')}</Key>
        <span className="chart-most">{t('usage.most', { tokens: t('composer.tokens', { count: most }) })}</span>
      </figcaption>
    </figure>
  );
}

function Key({ of, children }: { of: 'read' | 'written'; children: string }) {
  return (
    <span className="chart-key">
      <i className={`chart-${of}`} />
      {children}
    </span>
  );
}

/** So many days, with those on which nobody asked, until today or the last one that is known. */
function lastDays(last: string | null | undefined): string[] {
  const end = Math.max(Date.now(), Date.parse(last ?? '') || 0);
  return Array.from({ length: DAYS }, (_, at) => new Date(end - (DAYS - 1 - at) * DAY).toISOString().slice(0, 10));
}

function tokensOf(sum: UsageSum | undefined): number {
  return sum ? sum.input_tokens + sum.cached_tokens + sum.output_tokens : 0;
}

function dayName(day = ''): string {
  return shownTime(Date.parse(day) / 1000, { dateStyle: 'medium', timeZone: 'UTC' });
}
