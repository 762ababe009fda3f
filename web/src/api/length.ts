import { ApiError } from './client';
import type { Parameters } from './types';

/** Tokens of an answer where nobody chose: a small model would else ramble until its context is full. */
export const LONGEST_ANSWER = 2048;

/** Ask with that bound unless one was chosen; where the context has no room for so much, for what there is room for. */
export async function withLength<Answer>(
  parameters: Parameters | null | undefined,
  ask: (parameters: Parameters | null) => Promise<Answer>,
): Promise<Answer> {
  const chosen = parameters ?? null;
  if (chosen?.max_tokens) return ask(chosen);
  try {
    return await ask({ ...chosen, max_tokens: LONGEST_ANSWER });
  } catch (error) {
    if (error instanceof ApiError && error.code === 'context_length_exceeded') return ask(chosen);
    throw error;
  }
}
