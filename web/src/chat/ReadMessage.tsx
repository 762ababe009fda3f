import { useTranslation } from 'react-i18next';
import type { Message } from '../api/types';
import { AnswerBody } from './AnswerBody';
import { FileNames } from './FileNames';
import { ToolResult } from './ToolCalls';
import './Question.css';

/** A message to read, where nothing can be done with it. */
export function ReadMessage({ message }: { message: Message }) {
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
    <article aria-label={t('answer.label')} aria-busy={message.state === 'running'} data-state={message.state}>
      <AnswerBody message={message} />
    </article>
  );
}
