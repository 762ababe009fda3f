import { Check, Columns2, Copy, ReceiptText, RefreshCw, Sparkles, ThumbsDown, ThumbsUp } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Message } from '../api/types';
import { IconButton } from '../parts/Button';
import { useCopy } from '../parts/useCopy';
import type { ChatActions } from './actions';
import { FeedbackDialog } from './FeedbackDialog';
import type { Thread } from './thread';
import { Versions } from './Versions';

interface AnswerActionsProps {
  message: Message;
  thread: Thread;
  actions: ChatActions;
}

export function AnswerActions({ message, thread, actions }: AnswerActionsProps) {
  const { t } = useTranslation();
  const [copied, copy] = useCopy();
  const question = message.parent;
  return (
    <div className="answer-actions">
      <Versions message={message} thread={thread} actions={actions} />
      <IconButton
        icon={copied ? Check : Copy}
        size={16}
        label={copied ? t('do.copied') : t('do.copy')}
        onClick={() => copy(message.content)}
      />
      <IconButton
        icon={RefreshCw}
        size={16}
        label={t('answer.regenerate')}
        onClick={() => actions.regenerate(message.id)}
      />
      {question && thread.siblings(message.id).length > 1 && (
        <IconButton
          icon={Columns2}
          size={16}
          label={t('answer.sideBySide')}
          onClick={() => actions.compare(question, true)}
        />
      )}
      <Thumbs message={message} actions={actions} />
      {message.receipt && (
        <IconButton
          icon={ReceiptText}
          size={16}
          label={t('answer.receipt')}
          onClick={() => actions.receipt(message.id)}
        />
      )}
      <span className="answer-about">
        <Sparkles size={12} aria-hidden /> {t('answer.ai')}
        {message.model && ` · ${message.model}`}
      </span>
    </div>
  );
}

function Thumbs({ message, actions }: Omit<AnswerActionsProps, 'thread'>) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<'up' | 'down' | null>(null);
  const rating = message.feedback?.rating;
  const press = (thumb: 'up' | 'down') => {
    actions.rate(message.id, rating === thumb ? null : { rating: thumb });
    if (rating !== thumb) setAsked(thumb);
  };
  return (
    <>
      <IconButton
        icon={ThumbsUp}
        size={16}
        label={t('answer.good')}
        aria-pressed={rating === 'up'}
        onClick={() => press('up')}
      />
      <IconButton
        icon={ThumbsDown}
        size={16}
        label={t('answer.bad')}
        aria-pressed={rating === 'down'}
        onClick={() => press('down')}
      />
      {asked && (
        <FeedbackDialog
          rating={asked}
          onClose={() => setAsked(null)}
          onSend={(feedback) => {
            actions.rate(message.id, feedback);
            setAsked(null);
          }}
        />
      )}
    </>
  );
}
