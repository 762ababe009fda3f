interface Stat {
  name: string;
  value: string;
  mood?: 'good' | 'bad';
}

/** A few numbers that say how things are. */
export function Stats({ stats }: { stats: readonly Stat[] }) {
  return (
    <dl className="stats">
      {stats.map(({ name, value, mood }) => (
        <div key={name} className="stat">
          <dt>{name}</dt>
          <dd className={mood ? `stat-${mood}` : undefined}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
