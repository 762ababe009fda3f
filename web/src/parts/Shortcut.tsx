import './Shortcut.css';

const CONTROL = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘' : 'Ctrl+';

/** The keys that do the same, for those who see and have a keyboard: `aria-keyshortcuts` tells the others. */
export function Shortcut({ keys }: { keys: string }) {
  return (
    <kbd className="shortcut" aria-hidden>
      {CONTROL}
      {keys}
    </kbd>
  );
}
