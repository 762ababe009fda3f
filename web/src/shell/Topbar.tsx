import { PanelLeft, SquarePen } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { IconButton } from '../parts/Button';
import { toggleSidebar, useSidebar } from './sidebarState';
import './Topbar.css';

interface TopbarProps {
  title: string;
  children?: ReactNode; // what can be done with what is shown
}

export function Topbar({ title, children }: TopbarProps) {
  const { t } = useTranslation();
  const [, navigate] = useLocation();
  const open = useSidebar();
  useEffect(() => {
    document.title = title ? `${title} · Galerne` : 'Galerne';
  }, [title]);
  return (
    <header className="topbar">
      {!open && <IconButton icon={PanelLeft} label={t('sidebar.show')} aria-expanded={false} onClick={toggleSidebar} />}
      {!open && <IconButton icon={SquarePen} label={t('sidebar.new')} onClick={() => navigate('/')} />}
      {title ? <h1 className="topbar-title">{title}</h1> : <span className="topbar-title" />}
      {children}
    </header>
  );
}
