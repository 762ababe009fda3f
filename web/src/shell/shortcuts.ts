import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { showSidebar } from './sidebarState';

/** Keys that work everywhere: Ctrl+K searches, Ctrl+Shift+O begins a chat, / goes to where one types. */
export function useShortcuts(): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const control = event.ctrlKey || event.metaKey;
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
      if (control && event.key.toLowerCase() === 'k') {
        showSidebar();
        requestAnimationFrame(() => document.getElementById('search')?.focus());
      } else if (control && event.shiftKey && event.key.toLowerCase() === 'o') navigate('/');
      else if (!control && !typing && event.key === '/') document.getElementById('composer')?.focus();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, [navigate]);
}
