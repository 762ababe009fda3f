import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Message } from '../api/types';
import { IconButton } from '../parts/Button';
import type { ChatActions } from './actions';
import type { Thread } from './thread';
import './Versions.css';

interface VersionsProps {
  message: Message;
  thread: Thread;
  actions: ChatActions;
}

/** Which of the messages that stand in one place is shown, where there are several. */
export function Versions({ message, thread, actions }: VersionsProps) {
  const { t } = useTranslation();
  const siblings = thread.siblings(message.id);
  if (siblings.length < 2) return null;
  const at = siblings.indexOf(message.id);
  const go = (to: number) => {
    const id = siblings[to];
    if (id) actions.show(id);
  };
  return (
    <span className="versions">
      <IconButton
        icon={ChevronLeft}
        size={16}
        label={t('answer.previous')}
        disabled={at === 0}
        onClick={() => go(at - 1)}
      />
      <span aria-live="polite">{t('answer.version', { at: at + 1, of: siblings.length })}</span>
      <IconButton
        icon={ChevronRight}
        size={16}
        label={t('answer.next')}
        disabled={at === siblings.length - 1}
        onClick={() => go(at + 1)}
      />
    </span>
  );
}
