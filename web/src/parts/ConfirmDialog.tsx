import { useTranslation } from 'react-i18next';
import { Button } from './Button';
import { Dialog } from './Dialog';

interface ConfirmDialogProps {
  title: string;
  text: string;
  action: string; // what is about to be done
  kind?: 'main' | 'danger';
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({ title, text, action, kind = 'danger', onConfirm, onClose }: ConfirmDialogProps) {
  const { t } = useTranslation();
  const confirm = () => {
    onConfirm();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="soft">{text}</p>
      <div className="dialog-actions">
        <Button kind="quiet" onClick={onClose}>
          {t('do.cancel')}
        </Button>
        <Button kind={kind} onClick={confirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
