import { send } from './client';
import { readEvents } from './events';
import { blankMessage, type Content, pieces } from './temporary';
import type { AnswerEvent, Message } from './types';

type ConversationEvent =
  | { type: 'message.output.delta'; model: string | null; content: string | Extract<Content, unknown[]>[number] }
  | { type: 'conversation.response.done' }
  | { type: 'conversation.response.error'; code: number; message: string };

/** Answers of a saved agent that nobody keeps, by way of `/v1/conversations`. */
export function answersOf(agent: string) {
  return async function* (
    history: Message[],
    question: Message | null,
    _: unknown,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerEvent> {
    const said = question ? [...history, question] : history;
    let answer = blankMessage('assistant', said.at(-1)?.id ?? null, { state: 'running' });
    let number = 0;
    yield { type: 'answer.started', number: number++, question: question ? [question] : [], answer };
    const body = { agent_id: agent, inputs: said.map(toEntry), stream: true, store: false };
    for await (const event of readEvents(await send('POST', '/v1/conversations', { body, signal }))) {
      const told = JSON.parse(event.data) as ConversationEvent;
      if (told.type === 'conversation.response.error')
        answer = { ...answer, failure: { code: String(told.code), message: told.message } };
      if (told.type !== 'message.output.delta') continue;
      const { content, model } = told;
      for (const [type, text] of pieces(typeof content === 'string' ? content : [content])) {
        if (type === 'answer.text') answer = { ...answer, model, content: answer.content + text };
        else answer = { ...answer, model, reasoning: (answer.reasoning ?? '') + text };
        yield { type, number: number++, text };
      }
    }
    yield { type: 'answer.ended', number, answer: { ...answer, state: answer.failure ? 'failed' : 'complete' } };
  };
}

function toEntry({ role, content }: Message): object {
  return role === 'user'
    ? { type: 'message.input', role, content }
    : { type: 'message.output', role: 'assistant', content };
}
