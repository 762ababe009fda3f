import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Message } from '../api/types';
import { Markdown } from '../markdown/Markdown';
import { AnswerActions } from './AnswerActions';
import type { ChatActions } from './actions';
import { asJson } from './asJson';
import { Fold } from './Fold';
import { ToolCalls } from './ToolCalls';
import type { Thread } from './thread';
import './Answer.css';

interface AnswerProps {
  message: Message;
  thread: Thread;
  actions: ChatActions;
  last?: boolean; // its actions are always there
}

/** What the model said, and how it came to it. */
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
      {message.reasoning && (
        <Fold
          title={running && !message.content ? t('answer.thinking') : t('answer.reasoning')}
          open={running && !message.content}
        >
          <Markdown text={message.reasoning} growing={running} />
        </Fold>
      )}
      <AnswerText message={message} />
      <ToolCalls calls={message.tool_calls ?? []} />
      {running && !message.content && !message.reasoning && <Waiting />}
      <Ending message={message} />
      {!running && <AnswerActions message={message} thread={thread} actions={actions} />}
    </article>
  );
});

function AnswerText({ message }: { message: Message }) {
  const { t } = useTranslation();
  if (!message.content) return null;
  const running = message.state === 'running';
  const json = running ? null : asJson(message.content);
  if (!json) return <Markdown text={message.content} growing={running} />;
  return (
    <Fold title={t('answer.json')} open>
      <Markdown text={`\`\`\`json\n${json}\n\`\`\``} />
    </Fold>
  );
}

/** Before the first word. */
function Waiting() {
  const { t } = useTranslation();
  return (
    <p className="waiting">
      <span className="unseen">{t('answer.writing')}</span>
      <i aria-hidden />
      <i aria-hidden />
      <i aria-hidden />
    </p>
  );
}

/** How it ended, where that is not as it should. */
function Ending({ message }: { message: Message }) {
  const { t } = useTranslation();
  if (message.state === 'failed') {
    return (
      <p className="ending ending-failed" role="alert">
        {t('answer.failed')} {message.failure?.message}
      </p>
    );
  }
  if (message.state === 'stopped') return <p className="ending">{t('answer.stopped')}</p>;
  if (message.state === 'interrupted') return <p className="ending">{t('answer.interrupted')}</p>;
  if (message.finish_reason === 'length') return <p className="ending">{t('answer.cutOff')}</p>;
  return null;
}
