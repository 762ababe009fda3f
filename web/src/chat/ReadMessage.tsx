import { useTranslation } from 'react-i18next';
import type { Message } from '../api/types';
import { AnswerBody } from './AnswerBody';
import { QuestionBubble } from './QuestionBubble';
import { ToolResult } from './ToolCalls';

/** A message to read, where nothing can be done with it. */
export function ReadMessage({ message }: { message: Message }) {
  const { t } = useTranslation();
  if (message.role === 'tool') return <ToolResult content={message.content} />;
  if (message.role === 'user') {
    return (
      <article className="question" aria-label={t('question.label')}>
        <QuestionBubble message={message} />
      </article>
    );
  }
  return (
    <article aria-label={t('answer.label')} aria-busy={message.state === 'running'} data-state={message.state}>
      <AnswerBody message={message} />
    </article>
  );
}
