import { Ghost, PanelLeft, SquarePen } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { IconButton } from '../parts/Button';
import { Mark } from '../parts/Mark';
import { Shortcut } from '../parts/Shortcut';
import { toggleSidebar } from '../shell/sidebarState';
import { ChatList } from './ChatList';
import { Search } from './Search';
import { SidebarFoot } from './SidebarFoot';
import './Sidebar.css';

/** Where to: a new chat, an old one, one's own account. */
export function Sidebar() {
  const { t } = useTranslation();
  const [query, setQuery] = useState('');
  return (
    <nav className="sidebar" aria-label={t('sidebar.label')}>
      <div className="sidebar-head">
        <Link href="/" className="brand">
          <Mark size={26} /> Galerne
        </Link>
        <IconButton icon={PanelLeft} label={t('sidebar.hide')} aria-expanded onClick={toggleSidebar} />
      </div>
      <Link href="/" className="sidebar-link sidebar-new" aria-keyshortcuts="Control+Shift+O">
        <SquarePen size={17} aria-hidden /> {t('sidebar.new')}
        <Shortcut keys="⇧O" />
      </Link>
      <Link href="/temporary" className="sidebar-link">
        <Ghost size={17} aria-hidden /> {t('sidebar.temporary')}
      </Link>
      <Search query={query} onQuery={setQuery} />
      {!query.trim() && <ChatList />}
      <SidebarFoot />
    </nav>
  );
}
