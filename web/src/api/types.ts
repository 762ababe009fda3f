/** What the server says. The types are made from what its API says of itself (`make client`); streams are written here. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Attachment = Schemas['Attachment'];
export type AttachmentName = Schemas['MessageAttachment'];
export type Chat = Schemas['ChatCard'];
export type Feedback = Schemas['Feedback'];
export type Folder = Schemas['Folder'];
export type ImportReport = Schemas['ImportReport'];
export type Message = Schemas['ChatMessage'];
export type Model = Schemas['ModelCard'];
export type Parameters = NonNullable<Chat['parameters']>;
export type Prompt = Schemas['Prompt'];
export type SearchHit = Schemas['ChatHit'];
export type NewShare = Schemas['NewShare'];
export type Share = Schemas['Share'];
export type SharedChat = Schemas['SharedChat'];
export type ToolCall = NonNullable<Message['tool_calls']>[number];
export type Usage = Schemas['Usage'];
export type WholeChat = Schemas['Chat'];

export interface Page<Item> {
  data: Item[];
  next_page_token: string | null;
}

/** What may be said to a chat: a question, another answer to one (`content` left out), or what tools answered. */
export interface Question {
  parent: string | null;
  content?: string;
  attachments?: string[];
  results?: { tool_call_id: string; content: string }[];
  model?: string | null;
  system?: string | null;
  parameters?: Parameters | null;
}

/** The events of an answer while it is written. */
export type AnswerEvent =
  | { type: 'answer.started'; number: number; question: Message[]; answer: Message }
  | { type: 'answer.snapshot'; number: number; answer: Message }
  | { type: 'answer.text'; number: number; text: string }
  | { type: 'answer.reasoning'; number: number; text: string }
  | { type: 'answer.tool_call'; number: number; index: number; id?: string; name?: string; arguments: string }
  | { type: 'answer.ended'; number: number; answer: Message };

/** A receipt is a document of its own, whose form its version names. */
export type Receipt = Record<string, unknown> & {
  id: string;
  time: string;
  model: { name: string; sha256: string; engine: string; template_sha256: string | null };
  tokens: { prompt: number; cached: number; completion: number };
  price: { euros: string };
  energy: Record<string, unknown>;
  sources: string[];
  flags: { reasons: string[]; truncated: boolean };
  ai_generated: boolean;
  signature?: string;
};
