import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useMay } from '../api/account';
import { admin } from '../api/admin';
import { MoreButton } from '../parts/MoreButton';
import { saveJson } from '../parts/saveFile';
import { sayFailure } from '../parts/Toasts';
import { Invite } from './Invite';
import { UserTable } from './UserTable';
import { PAGE, usePages } from './usePages';

/** Who may come in, and as what. */
export function Users() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const mayChange = useMay('users:manage');
  const mayErase = useMay('data:manage');
  const { items, onMore } = usePages(['users'], (page) => admin.users(page, PAGE));
  const refresh = () => queries.invalidateQueries({ queryKey: ['users'] });
  const change = (id: string, changes: { role?: string; disabled?: boolean }) =>
    void admin.changeUser(id, changes).then(refresh, sayFailure);
  const erase = (id: string) =>
    void admin.eraseUser(id).then((certificate) => {
      saveJson(`${id}-erased.json`, certificate);
      return refresh();
    }, sayFailure);
  return (
    <>
      {mayChange && <Invite onInvited={refresh} />}
      <section className="block">
        <h2>{t('console.users')}</h2>
        <UserTable users={items ?? []} onChange={mayChange ? change : null} onErase={mayErase ? erase : null} />
        <MoreButton onMore={onMore} />
      </section>
    </>
  );
}
