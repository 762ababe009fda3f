import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { useModels } from '../api/models';
import { shownNumber } from '../texts';
import { Stats } from './Stats';

/** Whether the server lives and its models answer, asked again every few seconds. */
export function Health() {
  const { t } = useTranslation();
  const every = { refetchInterval: 5000, retry: false } as const;
  const alive = useQuery({ queryKey: ['health', 'alive'], queryFn: admin.alive, ...every });
  const ready = useQuery({ queryKey: ['health', 'ready'], queryFn: admin.ready, ...every });
  const models = useModels();
  const mood = (good: boolean) => ({
    value: t(good ? 'health.yes' : 'health.no'),
    mood: good ? ('good' as const) : ('bad' as const),
  });
  return (
    <section className="block">
      <Stats
        stats={[
          { name: t('health.alive'), ...mood(alive.isSuccess) },
          { name: t('health.ready'), ...mood(ready.isSuccess) },
          { name: t('console.models'), value: shownNumber(models?.length ?? 0) },
        ]}
      />
      <p className="soft small">
        {t('health.more')} <a href="/metrics">/metrics</a>, <a href="/docs">/docs</a>
      </p>
    </section>
  );
}
