import { useTranslation } from 'react-i18next';
import type { Message } from '../api/types';
import { Markdown } from '../markdown/Markdown';
import { asSentence } from '../texts';
import { asJson } from './asJson';
import { Fold } from './Fold';
import { ToolCalls } from './ToolCalls';
import './Answer.css';

/** What the model said, and how it came to it. */
export function AnswerBody({ message }: { message: Message }) {
  const { t } = useTranslation();
  const running = message.state === 'running';
  return (
    <>
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
    </>
  );
}

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
        {t('answer.failed')} {asSentence(message.failure?.message ?? '')}
      </p>
    );
  }
  if (message.state === 'stopped') return <p className="ending">{t('answer.stopped')}</p>;
  if (message.state === 'interrupted') return <p className="ending">{t('answer.interrupted')}</p>;
  if (message.finish_reason === 'length') return <p className="ending">{t('answer.cutOff')}</p>;
  return null;
}
