import { useSyncExternalStore } from 'react';
import { inWords } from './failure';
import './Toasts.css';

interface Toast {
  id: number;
  text: string;
  kind: 'news' | 'failure';
}

const SECONDS = { news: 3, failure: 8 };

let toasts: readonly Toast[] = [];
let next = 0;
const listeners = new Set<() => void>();

function set(changed: readonly Toast[]): void {
  toasts = changed;
  for (const listener of listeners) listener();
}

/** Say something in passing. */
export function say(text: string, kind: Toast['kind'] = 'news'): void {
  const id = next++;
  set([...toasts.slice(-2), { id, text, kind }]);
  setTimeout(() => set(toasts.filter((toast) => toast.id !== id)), SECONDS[kind] * 1000);
}

/** Say that something failed. */
export function sayFailure(error: unknown): void {
  say(inWords(error), 'failure');
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <p key={toast.id} className={`toast toast-${toast.kind}`}>
          {toast.text}
        </p>
      ))}
    </div>
  );
}
