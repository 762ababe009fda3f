import { Archive, CircleUserRound, Gauge } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useMe } from '../api/account';

const CONSOLE = ['usage:read', 'users:read', 'audit:read', 'settings:read'];

/** One's own account, what is put away and, for who may, the console. */
export function SidebarFoot() {
  const { t } = useTranslation();
  const me = useMe();
  const known = me !== null && me !== 'nobody';
  return (
    <div className="sidebar-foot">
      <Link href="/account" className="sidebar-link">
        <CircleUserRound size={18} aria-hidden />
        <span className="sidebar-name">{known ? me.name : t('sidebar.account')}</span>
      </Link>
      <Link href="/archive" className="icon-button" aria-label={t('sidebar.archive')} title={t('sidebar.archive')}>
        <Archive size={17} aria-hidden />
      </Link>
      {known && CONSOLE.some((permission) => me.permissions.includes(permission)) && (
        <Link href="/console" className="icon-button" aria-label={t('sidebar.console')} title={t('sidebar.console')}>
          <Gauge size={18} aria-hidden />
        </Link>
      )}
    </div>
  );
}
