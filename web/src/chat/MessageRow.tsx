import { Answer } from './Answer';
import type { ChatActions } from './actions';
import type { Conversation } from './conversation';
import { useMessage } from './hooks';
import { Question } from './Question';
import { SideBySide } from './SideBySide';
import { ToolResult } from './ToolCalls';

interface MessageRowProps {
  id: string;
  conversation: Conversation;
  actions: ChatActions;
  last: boolean;
}

/** One message of the branch, whoever said it. */
export function MessageRow({ id, conversation, actions, last }: MessageRowProps) {
  const message = useMessage(conversation.thread, id);
  if (!message) return null;
  if (message.role === 'user') return <Question message={message} thread={conversation.thread} actions={actions} />;
  if (message.role === 'tool') return <ToolResult content={message.content} />;
  if (message.parent && actions.compared.has(message.parent)) {
    return <SideBySide question={message.parent} conversation={conversation} actions={actions} />;
  }
  return <Answer message={message} thread={conversation.thread} actions={actions} last={last} />;
}
