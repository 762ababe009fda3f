import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Message } from '../api/types';
import { AnswerActions } from './AnswerActions';
import { AnswerBody } from './AnswerBody';
import type { ChatActions } from './actions';
import type { Thread } from './thread';

interface AnswerProps {
  message: Message;
  thread: Thread;
  actions: ChatActions;
  last?: boolean; // its actions are always there
}

/** What the model said, and what can be done with it. */
export const Answer = memo(function Answer({ message, thread, actions, last = false }: AnswerProps) {
  const { t } = useTranslation();
  const running = message.state === 'running';
  return (
    <article
      className={`answer${last ? ' answer-last' : ''}`}
      aria-label={t('answer.label')}
      aria-busy={running}
      data-state={message.state}
    >
      <AnswerBody message={message} />
      {!running && <AnswerActions message={message} thread={thread} actions={actions} />}
    </article>
  );
});
