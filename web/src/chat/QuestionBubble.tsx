import type { Message } from '../api/types';
import { FileNames } from './FileNames';
import './Question.css';

/** The words of a question, and the files that went along. */
export function QuestionBubble({ message }: { message: Message }) {
  return (
    <div className="question-bubble">
      <FileNames files={message.attachments} />
      <p className="question-text">{message.content}</p>
    </div>
  );
}
