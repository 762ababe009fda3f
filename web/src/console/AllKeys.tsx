import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { KeyTable } from '../account/KeyTable';
import { admin } from '../api/admin';
import { MoreButton } from '../parts/MoreButton';
import { sayFailure } from '../parts/Toasts';
import { PAGE, usePages } from './usePages';

/** Everybody's keys. */
export function AllKeys() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { items, onMore } = usePages(['keys', 'all'], (page) => admin.keys(page, PAGE));
  const refresh = () => queries.invalidateQueries({ queryKey: ['keys'] });
  return (
    <section className="block">
      {items && !items.length && <p className="soft">{t('keys.none')}</p>}
      <KeyTable keys={items ?? []} withUser onRevoke={(id) => void admin.revokeKey(id).then(refresh, sayFailure)} />
      <MoreButton onMore={onMore} />
    </section>
  );
}
