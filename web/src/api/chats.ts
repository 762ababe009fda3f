import { ask, send } from './client';
import { readEvents } from './events';
import { withLength } from './length';
import type {
  AnswerEvent,
  Attachment,
  Chat,
  Feedback,
  Folder,
  ImportReport,
  Message,
  NewShare,
  Page,
  Prompt,
  Question,
  SearchHit,
  Share,
  SharedChat,
  WholeChat,
} from './types';

const at = (...parts: string[]) => `/v1/${parts.map(encodeURIComponent).join('/')}`;

export interface ChatFilter {
  folder?: string | null;
  archived?: boolean;
  page_token?: string | null;
  page_size?: number;
}

export const chats = {
  list: (filter: ChatFilter) => ask<Page<Chat>>('GET', at('chats'), { query: { ...filter } }),
  create: (chat: Partial<Chat>) => ask<Chat>('POST', at('chats'), { body: chat }),
  show: (id: string) => ask<WholeChat>('GET', at('chats', id)),
  change: (id: string, changes: Partial<Chat>) => ask<Chat>('PATCH', at('chats', id), { body: changes }),
  remove: (id: string) => ask<unknown>('DELETE', at('chats', id)),
  removeAll: () => ask<{ deleted: number }>('DELETE', at('chats')),
  makeTitle: (id: string) => ask<Chat>('POST', at('chats', id, 'title'), { body: {} }),
  search: (q: string, page = 0) =>
    ask<{ data: SearchHit[]; has_more: boolean }>('GET', at('chats', 'search'), { query: { q, page } }),
  /** The branch up to `message` as a file, with headings in a language. */
  export: async (id: string, format: string, message: string | null, language: string) =>
    (await send('GET', at('chats', id, 'export'), { query: { format, message, language } })).blob(),
  import: (file: File) => ask<ImportReport>('POST', at('chats', 'import'), { body: form(file) }),
  stop: (id: string, message: string) => ask<Message>('POST', at('chats', id, 'messages', message, 'stop')),
  rate: (id: string, message: string, feedback: Feedback | null) =>
    feedback
      ? ask<Message>('PUT', at('chats', id, 'messages', message, 'feedback'), { body: feedback })
      : ask<Message>('DELETE', at('chats', id, 'messages', message, 'feedback')),
  shares: (id: string) => ask<{ data: Share[] }>('GET', at('chats', id, 'shares')),
  share: (id: string, message: string | null) =>
    ask<NewShare>('POST', at('chats', id, 'shares'), { body: message ? { message } : {} }),
  unshare: (id: string, share: string) => ask<unknown>('DELETE', at('chats', id, 'shares', share)),
  shared: (token: string) => ask<SharedChat>('GET', at('shared', token)),
  question: async function* (id: string, question: Question, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const put = (parameters: Question['parameters']) =>
      send('POST', at('chats', id, 'messages'), { body: { ...question, parameters }, signal });
    yield* answerEvents(await withLength(question.parameters, put));
  },
  follow: async function* (
    id: string,
    message: string,
    after: number | null,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerEvent> {
    const headers: Record<string, string> = after === null ? {} : { 'last-event-id': String(after) };
    yield* answerEvents(await send('GET', at('chats', id, 'messages', message, 'events'), { headers, signal }));
  },
};

export const folders = {
  list: () => ask<{ data: Folder[] }>('GET', at('folders')),
  create: (name: string) => ask<Folder>('POST', at('folders'), { body: { name } }),
  rename: (id: string, name: string) => ask<Folder>('PATCH', at('folders', id), { body: { name } }),
  remove: (id: string) => ask<unknown>('DELETE', at('folders', id)),
};

export const prompts = {
  list: () => ask<{ data: Prompt[] }>('GET', at('prompts')),
  create: (prompt: { title: string; content: string }) => ask<Prompt>('POST', at('prompts'), { body: prompt }),
  remove: (id: string) => ask<unknown>('DELETE', at('prompts', id)),
};

export interface Place {
  model?: string | null;
  chat?: string | null;
  parent?: string | null;
}

export const attachments = {
  upload: (file: File, place: Place, signal?: AbortSignal) =>
    ask<Attachment>('POST', at('attachments'), { body: form(file, { ...place }), ...(signal ? { signal } : {}) }),
  show: (id: string, place: Place) => ask<Attachment>('GET', at('attachments', id), { query: { ...place } }),
  remove: (id: string) => ask<unknown>('DELETE', at('attachments', id)),
};

async function* answerEvents(response: Response): AsyncGenerator<AnswerEvent> {
  for await (const event of readEvents(response)) yield JSON.parse(event.data) as AnswerEvent;
}

function form(file: File, fields: Record<string, string | null | undefined> = {}): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  form.append('file', file);
  return form;
}
