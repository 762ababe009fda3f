import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMessage, usePath } from './hooks';
import type { Thread } from './thread';

/**
 * Tells screen readers of an answer while it is written: that it began, then paragraph by paragraph as each is whole.
 * Word by word it would be noise.
 */
export function Announcer({ thread }: { thread: Thread }) {
  const { t } = useTranslation();
  const path = usePath(thread);
  const message = useMessage(thread, path.at(-1) ?? '');
  const told = useRef({ id: '', upTo: 0 });
  const [words, setWords] = useState('');
  useEffect(() => {
    if (message?.role !== 'assistant') return;
    const running = message.state === 'running';
    if (told.current.id !== message.id) {
      told.current = { id: message.id, upTo: running ? 0 : message.content.length };
      if (running) setWords(t('answer.started'));
      return;
    }
    const end = running ? message.content.lastIndexOf('\n\n') : message.content.length;
    if (end <= told.current.upTo) return;
    setWords(message.content.slice(told.current.upTo, end).replace(/[*_#`>|]/g, ''));
    told.current.upTo = end;
  }, [message, t]);
  return (
    <p className="unseen" role="status" aria-live="polite">
      {words}
    </p>
  );
}
