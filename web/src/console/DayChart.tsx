import { useTranslation } from 'react-i18next';
import type { UsageSum } from '../api/account';
import { shownTime } from '../texts';
import './DayChart.css';

const DAYS = 31;
const DAY = 86_400_000; // ms
const HEIGHT = 100; // of the busiest day
const STEP = 22;
const WIDE = 16;

export interface Part {
  name: string;
  look: 'dark' | 'light';
  of: (sum: UsageSum) => number;
}

interface DayChartProps {
  label: string;
  sums: readonly UsageSum[]; // by day
  parts: readonly Part[]; // of a bar, from its foot up
  shown: (amount: number) => string;
}

/** A month of bars, one a day. The same numbers are in a table for who cannot see them. */
export function DayChart({ label, sums, parts, shown }: DayChartProps) {
  const { t } = useTranslation();
  const known = new Map(sums.map((sum) => [sum.name, sum]));
  const days = lastDays(sums.at(-1)?.name);
  const amount = (day: string, part: Part) => {
    const sum = known.get(day);
    return sum ? part.of(sum) : 0;
  };
  const whole = (day: string) => parts.reduce((all, part) => all + amount(day, part), 0);
  const most = Math.max(...days.map(whole));
  if (!most) return null; // the table says so
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${DAYS * STEP} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {days.map((day, at) => (
          <g key={day}>
            <title>{`${dayName(day)}: ${shown(whole(day))}`}</title>
            <rect className="chart-day" x={at * STEP} y={0} width={STEP} height={HEIGHT} />
            <Bar at={at} most={most} heights={parts.map((part) => [part.look, amount(day, part)])} />
          </g>
        ))}
      </svg>
      <div className="chart-days" aria-hidden>
        <span>{dayName(days[0])}</span>
        <span>{dayName(days.at(-1))}</span>
      </div>
      <figcaption className="chart-legend">
        {parts.map((part) => (
          <span key={part.look} className="chart-key">
            <i className={`chart-${part.look}`} />
            {part.name}
          </span>
        ))}
        <span className="chart-most">{t('usage.most', { tokens: shown(most) })}</span>
      </figcaption>
    </figure>
  );
}

interface BarProps {
  at: number;
  most: number;
  heights: readonly (readonly [Part['look'], number])[];
}

function Bar({ at, most, heights }: BarProps) {
  let top = HEIGHT;
  return heights.map(([look, amount]) => {
    const height = (amount / most) * HEIGHT;
    top -= height;
    return (
      <rect
        key={look}
        className={`chart-${look}`}
        x={at * STEP + (STEP - WIDE) / 2}
        y={top}
        width={WIDE}
        height={height}
      />
    );
  });
}

/** So many days, with those on which nobody asked, until today or the last one that is known. */
function lastDays(last: string | null | undefined): string[] {
  const end = Math.max(Date.now(), Date.parse(last ?? '') || 0);
  return Array.from({ length: DAYS }, (_, at) => new Date(end - (DAYS - 1 - at) * DAY).toISOString().slice(0, 10));
}

function dayName(day = ''): string {
  return shownTime(Date.parse(day) / 1000, { dateStyle: 'medium', timeZone: 'UTC' });
}
