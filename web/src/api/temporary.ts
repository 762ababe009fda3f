import { send } from './client';
import { readEvents } from './events';
import { withLength } from './length';
import { listModels } from './models';
import type { AnswerEvent, Message, Question, ToolCall, Usage } from './types';

export type Content = string | ({ type: 'text'; text: string } | { type: 'thinking'; thinking: { text: string }[] })[];

interface Chunk {
  model: string;
  id: string;
  choices: {
    delta: {
      content?: Content;
      tool_calls?: { index: number; id?: string; function: { name: string; arguments: string } }[];
    };
    finish_reason: Message['finish_reason'] | 'error';
  }[];
  usage?: Usage;
  error?: { message: string; code: string };
}

/** An answer that nobody keeps, by way of `/v1/chat/completions`, told in the same events as one of a chat. */
export async function* temporaryAnswer(
  history: Message[],
  question: Message | null,
  asked: Question,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const said = question ? [...history, question] : history;
  let answer = blankMessage('assistant', said.at(-1)?.id ?? null, { state: 'running', model: asked.model ?? null });
  let number = 0;
  yield { type: 'answer.started', number: number++, question: question ? [question] : [], answer };
  const body = {
    model: asked.model ?? (await listModels())[0]?.id, // who asks at once may not know any yet
    messages: [...(asked.system ? [{ role: 'system', content: asked.system }] : []), ...said.map(toWire)],
    stream: true,
  };
  const response = await withLength(asked.parameters, (parameters) =>
    send('POST', '/v1/chat/completions', { body: { ...parameters, ...body }, signal }),
  );
  const calls: ToolCall[] = [];
  for await (const event of readEvents(response)) {
    if (event.data === '[DONE]') break;
    const chunk = JSON.parse(event.data) as Chunk;
    const choice = chunk.choices[0];
    answer = {
      ...answer,
      model: chunk.model,
      receipt: response.headers.get('x-galerne-receipt') ?? chunk.id,
      usage: chunk.usage ?? answer.usage,
      finish_reason: choice?.finish_reason === 'error' ? null : (choice?.finish_reason ?? answer.finish_reason),
      failure: chunk.error ?? answer.failure,
    };
    for (const [type, text] of pieces(choice?.delta.content)) {
      answer =
        type === 'answer.text'
          ? { ...answer, content: answer.content + text }
          : { ...answer, reasoning: (answer.reasoning ?? '') + text };
      yield { type, number: number++, text };
    }
    for (const call of choice?.delta.tool_calls ?? []) {
      calls.push({ ...call, type: 'function', id: call.id ?? `call-${calls.length}` });
      yield {
        type: 'answer.tool_call',
        number: number++,
        index: call.index,
        id: call.id ?? '',
        name: call.function.name,
        arguments: call.function.arguments,
      };
    }
  }
  yield {
    type: 'answer.ended',
    number,
    answer: { ...answer, tool_calls: calls, state: answer.failure ? 'failed' : 'complete' },
  };
}

/** A message that this browser alone knows. */
export function blankMessage(role: Message['role'], parent: string | null, said: Partial<Message>): Message {
  return {
    id: `local-${crypto.randomUUID()}`,
    parent,
    role,
    state: 'complete',
    created_at: Date.now() / 1000,
    content: '',
    attachments: [],
    tool_call_id: null,
    reasoning: null,
    tool_calls: [],
    model: null,
    finish_reason: null,
    usage: null,
    receipt: null,
    failure: null,
    feedback: null,
    ai_generated: role === 'assistant',
    ...said,
  };
}

/** The reasoning and the text of a content, in their order. */
export function* pieces(content: Content | undefined): Generator<['answer.text' | 'answer.reasoning', string]> {
  if (typeof content === 'string') {
    if (content) yield ['answer.text', content];
    return;
  }
  for (const part of content ?? []) {
    if (part.type === 'text') yield ['answer.text', part.text];
    else yield ['answer.reasoning', part.thinking.map((piece) => piece.text).join('')];
  }
}

function toWire(message: Message): object {
  if (message.role === 'tool') return { role: 'tool', content: message.content, tool_call_id: message.tool_call_id };
  const calls = message.tool_calls?.length ? { tool_calls: message.tool_calls } : {};
  return { role: message.role, content: message.content, ...calls };
}
