import type { LucideIcon } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useId, useLayoutEffect, useRef, useState } from 'react';
import './Menu.css';

interface MenuProps {
  label: string; // what the menu is for
  trigger: ReactNode;
  className?: string; // of the button that opens it
  title?: string;
  children: ReactNode;
}

/** A button that opens a list of actions, above or below it. The browser closes it: Escape, or a click elsewhere. */
export function Menu({ label, trigger, className = 'icon-button', title, children }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  useLayoutEffect(() => {
    const [from, all] = [button.current, list.current];
    if (!open || !from || !all) return;
    items(all)[0]?.focus();
    const watch = new ResizeObserver(() => place(all, from.getBoundingClientRect())); // its actions may come later
    watch.observe(all);
    return () => watch.disconnect();
  }, [open]);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = items(list.current);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || !all.length) return;
    event.preventDefault();
    all.at(to % all.length)?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className}
        popoverTarget={id}
        aria-label={label}
        title={title ?? label}
        aria-haspopup="menu"
        aria-expanded={open}
      >
        {trigger}
      </button>
      <div
        ref={list}
        id={id}
        popover="auto"
        role="menu"
        tabIndex={-1}
        aria-label={label}
        className="menu"
        onToggle={(event) => setOpen(event.newState === 'open')}
        onKeyDown={onKeyDown}
        onClick={() => list.current?.hidePopover()}
      >
        {open && children}
      </div>
    </>
  );
}

interface MenuItemProps {
  icon?: LucideIcon;
  chosen?: boolean;
  danger?: boolean;
  disabled?: boolean;
  onClick?: () => void;
  children: ReactNode;
}

export function MenuItem({ icon: Icon, chosen, danger, disabled, onClick, children }: MenuItemProps) {
  const role = chosen === undefined ? { role: 'menuitem' } : { role: 'menuitemradio', 'aria-checked': chosen };
  return (
    <button
      type="button"
      {...role}
      tabIndex={-1}
      disabled={disabled}
      className={`menu-item${danger ? ' menu-danger' : ''}`}
      onClick={onClick}
    >
      {Icon && <Icon size={16} aria-hidden />}
      <span className="menu-words">{children}</span>
    </button>
  );
}

function items(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>('[role^=menuitem]:not(:disabled)') ?? [])];
}

function place(list: HTMLElement, anchor: DOMRect): void {
  const { width, height } = list.getBoundingClientRect();
  const below = anchor.bottom + 4;
  const top = below + height < innerHeight - 8 ? below : Math.max(8, anchor.top - height - 4);
  const left = Math.max(8, Math.min(anchor.left, innerWidth - width - 8));
  Object.assign(list.style, { top: `${top}px`, left: `${left}px` });
}
