import i18next from 'i18next';
import { ApiError } from '../api/client';
import { asSentence, shownWait } from '../texts';

/** A failure in words: the server's own, but for a limit, which meets people who know nothing of keys and accounts. */
export function inWords(error: unknown): string {
  if (error instanceof ApiError && error.code === 'quota_exceeded' && error.wait)
    return i18next.t('app.limited', { when: shownWait(error.wait) });
  return asSentence(error instanceof Error ? error.message : String(error));
}
