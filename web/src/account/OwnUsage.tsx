import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { account } from '../api/account';
import { UsageChart } from '../console/UsageChart';
import { UsageTable } from '../console/UsageTable';

/** What one's workspace used this month. */
export function OwnUsage() {
  const { t } = useTranslation();
  const days = useQuery({ queryKey: ['usage', 'own', 'day'], queryFn: () => account.usage({ by: 'day' }) });
  const models = useQuery({ queryKey: ['usage', 'own', 'model'], queryFn: () => account.usage({ by: 'model' }) });
  return (
    <section className="block">
      <h2>{t('usage.thisMonth')}</h2>
      <UsageChart sums={days.data?.data ?? []} />
      <UsageTable caption={t('usage.names.model')} sums={models.data?.data ?? []} />
    </section>
  );
}
