import { X } from 'lucide-react';
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { createPortal } from 'react-dom';
import { useTranslation } from 'react-i18next';
import { IconButton } from './Button';
import './Dialog.css';

interface DialogProps {
  title: string;
  kind?: 'box' | 'side'; // in the middle, or along the right edge
  onClose: () => void;
  children: ReactNode;
}

/** What wants an answer before anything else: it keeps the focus, Escape closes it, and the focus is back where it was. */
export function Dialog({ title, kind = 'box', onClose, children }: DialogProps) {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      const lost = document.activeElement === document.body; // it went without being closed
      if (lost && opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return createPortal(
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same
    <dialog
      ref={dialog}
      className={`dialog dialog-${kind}`}
      aria-labelledby={heading}
      onClose={onClose}
      onSubmit={(event) => event.stopPropagation()} // a form here is not part of the one that it was opened from
      onClick={(event) => event.target === dialog.current && dialog.current.close()}
    >
      <div className="dialog-inside">
        <header className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <IconButton icon={X} label={t('do.close')} onClick={() => dialog.current?.close()} />
        </header>
        {children}
      </div>
    </dialog>,
    document.body,
  );
}
