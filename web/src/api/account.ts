import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiError, ask, rememberCsrfToken, send } from './client';
import type { components } from './schema';

type Schemas = components['schemas'];

/** Who is signed in, or the one local user where nobody needs to be. */
export type Me = Schemas['Me'];
export type Key = Schemas['KeyCard'];
export type NewKey = Schemas['NewKey'];
export type UsageSum = Schemas['UsageEntry'];

export interface UsageQuery {
  by: string;
  since?: string;
  until?: string;
}

export const sessions = {
  ways: () => ask<Schemas['SignInWays']>('GET', '/v1/sign-in'),
  signIn: async (email: string, password: string) => {
    const session = await ask<{ csrf_token: string }>('POST', '/v1/sessions', { body: { email, password } });
    rememberCsrfToken(session.csrf_token);
  },
  /** Set a password with the word of an invitation; who does is signed in. */
  accept: async (token: string, password: string) => {
    const session = await ask<{ csrf_token: string }>('POST', '/v1/invitations', { body: { token, password } });
    rememberCsrfToken(session.csrf_token);
  },
  signOut: async () => {
    await ask('DELETE', '/v1/sessions/current');
    rememberCsrfToken(null);
  },
  list: () => ask<{ data: Schemas['SessionCard'][] }>('GET', '/v1/users/me/sessions'),
  end: (id: string) => ask<void>('DELETE', `/v1/users/me/sessions/${encodeURIComponent(id)}`),
  changePassword: (current_password: string, new_password: string) =>
    ask<void>('PUT', '/v1/users/me/password', { body: { current_password, new_password } }),
};

export const account = {
  export: async () => (await send('GET', '/v1/users/me/export')).blob(),
  retention: () => ask<Schemas['ChatRetention']>('GET', '/v1/users/me/retention'),
  setRetention: (chat_days: number | null) =>
    ask<Schemas['ChatRetention']>('PUT', '/v1/users/me/retention', { body: { chat_days } }),
  keys: () => ask<{ data: Key[] }>('GET', '/v1/users/me/keys'),
  makeKey: (name: string, expires_at: string | null) =>
    ask<NewKey>('POST', '/v1/users/me/keys', { body: { name, ...(expires_at ? { expires_at } : {}) } }),
  revokeKey: (id: string) => ask<Key>('DELETE', `/v1/users/me/keys/${encodeURIComponent(id)}`),
  usage: (query: UsageQuery) => ask<{ data: UsageSum[] }>('GET', '/v1/usage', { query: { ...query } }),
};

/** Who asks. `null` while that is not known; 'nobody': they must sign in first. */
export function useMe(): Me | 'nobody' | null {
  const { data, error } = useQuery({
    queryKey: ['me'],
    queryFn: findMe,
    staleTime: 300_000,
    refetchOnWindowFocus: true,
  });
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return 'nobody';
  return data ?? null;
}

/** Whether whoever asks may do that. */
export function useMay(permission: string): boolean {
  const me = useMe();
  return me !== null && me !== 'nobody' && me.permissions.includes(permission);
}

export function useForgetEverything(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.resetQueries();
}

/** By the session's cookie, which brings the word that guards it; else as the server knows us. */
async function findMe(): Promise<Me> {
  const me = await ask<Me>('GET', '/v1/users/me');
  if (me.auth !== 'open') {
    const session = await ask<{ csrf_token: string }>('GET', '/v1/sessions/current');
    rememberCsrfToken(session.csrf_token);
  }
  return me;
}
