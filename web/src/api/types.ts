/** What the server says, as docs/guide/chats.md has it. Times are seconds since 1970. */

export type MessageState = 'running' | 'complete' | 'stopped' | 'failed' | 'interrupted';

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens: number };
}

export interface ToolCall {
  id: string;
  type?: 'function';
  function: { name: string; arguments: string };
}

/** Mistral's completion arguments; what is not here is kept and sent back as it came. */
export interface Parameters {
  temperature?: number | null;
  top_p?: number | null;
  max_tokens?: number | null;
  random_seed?: number | null;
  [name: string]: unknown;
}

export interface Feedback {
  rating: 'up' | 'down';
  reason?: string | null;
  comment?: string | null;
}

export interface AttachmentName {
  id: string;
  name: string;
  media_type?: string;
  size?: number;
}

export interface Message {
  id: string;
  parent: string | null;
  role: 'user' | 'assistant' | 'tool';
  state: MessageState;
  created_at: number;
  content: string;
  attachments: AttachmentName[];
  tool_call_id: string | null;
  reasoning: string | null;
  tool_calls: ToolCall[];
  model: string | null;
  finish_reason: string | null;
  usage: Usage | null;
  receipt: string | null;
  failure: { code: string; message: string } | null;
  feedback: Feedback | null;
}

export interface Chat {
  id: string;
  title: string | null;
  created_at: number;
  updated_at: number;
  pinned: boolean;
  archived: boolean;
  folder: string | null;
  model: string | null;
  system: string | null;
  parameters: Parameters | null;
  active: string | null;
}

export interface WholeChat extends Chat {
  messages: Message[];
}

export interface Page<Item> {
  data: Item[];
  next_page_token: string | null;
}

export interface SearchHit {
  chat: Chat;
  message: string | null;
  snippet: { text: string; match: boolean }[];
}

export interface Folder {
  id: string;
  name: string;
  created_at: number;
}

export interface Prompt {
  id: string;
  title: string;
  content: string;
  created_at: number;
}

export interface Share {
  id: string;
  chat: string;
  message: string;
  created_at: number;
  token?: string;
}

export interface SharedChat {
  title: string | null;
  created_at: number;
  messages: Message[];
}

export interface Attachment extends AttachmentName {
  characters: number;
  pages: number | null;
  fit: { model: string; tokens: number; conversation_tokens: number; context: number; fits: boolean } | null;
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

export interface Model {
  id: string;
  owned_by: string;
  description: string | null;
  max_context_length: number;
  aliases: string[];
  capabilities: { completion_chat: boolean; reasoning: boolean; function_calling: boolean; embeddings: boolean };
  default_model_temperature: number | null;
  licence: string | null;
  sha256: string;
  size?: number | null;
  fits?: boolean | null;
}

export interface Energy {
  method: string;
  joules?: string | number | null;
  [name: string]: unknown;
}

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
