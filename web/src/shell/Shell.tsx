import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation, useSearch } from 'wouter';
import { Sidebar } from '../sidebar/Sidebar';
import { useShortcuts } from './shortcuts';
import { hideDrawer, useSidebar } from './sidebarState';
import './Shell.css';

/** What is around every page of somebody who is signed in: the sidebar, and the way past it. */
export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [address] = useLocation();
  const search = useSearch();
  const open = useSidebar();
  useShortcuts();
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a phone, whoever goes somewhere wants to see it
  useEffect(hideDrawer, [address, search]);
  return (
    <div className="shell" data-sidebar={open ? 'open' : 'closed'}>
      <a className="skip-link unseen" href="#main">
        {t('do.skip')}
      </a>
      {open && <button type="button" className="drawer-shade" aria-label={t('sidebar.hide')} onClick={hideDrawer} />}
      {open && <Sidebar />}
      <div className="page">{children}</div>
    </div>
  );
}
