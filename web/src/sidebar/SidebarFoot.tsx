import { CircleUserRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';

export function SidebarFoot() {
  const { t } = useTranslation();
  return (
    <div className="sidebar-foot">
      <Link href="/account" className="sidebar-link">
        <CircleUserRound size={18} aria-hidden /> {t('sidebar.account')}
      </Link>
    </div>
  );
}
