import { useQuery } from '@tanstack/react-query';
import { Sparkles } from 'lucide-react';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { chats } from '../api/chats';
import type { Message } from '../api/types';
import { FileNames } from '../chat/FileNames';
import { Fold } from '../chat/Fold';
import { ToolCalls, ToolResult } from '../chat/ToolCalls';
import { Markdown } from '../markdown/Markdown';
import { Mark } from '../parts/Mark';
import { shownTime } from '../texts';
import '../chat/Question.css';
import './SharedPage.css';

/** A conversation that somebody shared: to read, without signing in. */
export default function SharedPage({ token }: { token: string }) {
  const { t } = useTranslation();
  const { data, isPending } = useQuery({ queryKey: ['shared', token], queryFn: () => chats.shared(token) });
  const title = data?.title ?? t('share.shared');
  useEffect(() => {
    document.title = `${title} · Galerne`;
  }, [title]);
  return (
    <main id="main" tabIndex={-1} className="shared">
      <header>
        <p className="shared-mark">
          <Mark size={24} /> {t('share.shared')}
        </p>
        <h1>{title}</h1>
        {data && (
          <p className="soft small">
            {shownTime(data.created_at)} · <Sparkles size={12} aria-hidden /> {t('answer.ai')}
          </p>
        )}
      </header>
      {!isPending && !data && <p role="alert">{t('share.gone')}</p>}
      {data?.messages.map((message) => (
        <SharedMessage key={message.id} message={message} />
      ))}
    </main>
  );
}

function SharedMessage({ message }: { message: Message }) {
  const { t } = useTranslation();
  if (message.role === 'tool') return <ToolResult content={message.content} />;
  if (message.role === 'user') {
    return (
      <article className="question" aria-label={t('question.label')}>
        <div className="question-bubble">
          <FileNames files={message.attachments} />
          <p className="question-text">{message.content}</p>
        </div>
      </article>
    );
  }
  return (
    <article aria-label={t('answer.label')}>
      {message.reasoning && (
        <Fold title={t('answer.reasoning')}>
          <Markdown text={message.reasoning} />
        </Fold>
      )}
      <Markdown text={message.content} />
      <ToolCalls calls={message.tool_calls ?? []} />
    </article>
  );
}
