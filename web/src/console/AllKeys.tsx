import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { KeyTable } from '../account/KeyTable';
import { admin } from '../api/admin';
import { sayFailure } from '../parts/Toasts';

/** Everybody's keys. */
export function AllKeys() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['keys', 'all'], queryFn: admin.keys });
  const refresh = () => queries.invalidateQueries({ queryKey: ['keys'] });
  return (
    <section className="block">
      {data && !data.data.length && <p className="soft">{t('keys.none')}</p>}
      <KeyTable
        keys={data?.data ?? []}
        withUser
        onRevoke={(id) => void admin.revokeKey(id).then(refresh, sayFailure)}
      />
    </section>
  );
}
