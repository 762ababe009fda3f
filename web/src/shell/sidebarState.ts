import { useSyncExternalStore } from 'react';

const narrow = matchMedia('(max-width: 52rem)'); // where the sidebar lies over the page
const listeners = new Set<() => void>();
let open = !narrow.matches;

function set(next: boolean): void {
  open = next;
  for (const listener of listeners) listener();
}

narrow.addEventListener('change', () => set(!narrow.matches));

export function toggleSidebar(): void {
  set(!open);
}

/** Hide it where it lies over the page. */
export function hideDrawer(): void {
  if (narrow.matches) set(false);
}

export function showSidebar(): void {
  set(true);
}

export function useSidebar(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => open,
  );
}
