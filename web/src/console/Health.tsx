import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { Table } from '../parts/Table';
import { shownBytes, shownNumber, shownTime } from '../texts';
import { Stats } from './Stats';

/** How the server and its engines are, asked again every few seconds. */
export function Health() {
  const { t } = useTranslation();
  const { data } = useQuery({ queryKey: ['health'], queryFn: admin.health, refetchInterval: 5000 });
  if (!data) return null;
  const ready = data.engines.every((engine) => engine.ready);
  return (
    <section className="block">
      <Stats
        stats={[
          { name: t('health.ready'), value: t(ready ? 'health.yes' : 'health.no'), mood: ready ? 'good' : 'bad' },
          { name: t('health.version'), value: data.version },
          { name: t('health.memory'), value: `${shownBytes(data.memory_used)} / ${shownBytes(data.memory)}` },
          { name: t('health.disk'), value: `${shownBytes(data.disk.free)} / ${shownBytes(data.disk.total)}` },
          { name: t('health.since'), value: shownTime(data.started_at, { dateStyle: 'short', timeStyle: 'short' }) },
        ]}
      />
      {data.engines.map((engine) => (
        <Table key={engine.model} caption={engine.model} heads={[engine.model, t('health.value')]}>
          {Object.entries(engine.statistics).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{shownNumber(value, { maximumFractionDigits: 2 })}</td>
            </tr>
          ))}
        </Table>
      ))}
      <p className="soft small">
        {t('health.more')} <a href="/metrics">/metrics</a>, <a href="/docs">/docs</a>
      </p>
    </section>
  );
}
