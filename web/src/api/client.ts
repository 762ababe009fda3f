/** The one place that talks to the server: who asks, failures, and the token that guards a signed-in browser. */

/** A failure as the server tells it; `status` 0: the server was not reached. `wait`: seconds until it may go better. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly wait: number | null = null,
  ) {
    super(message);
  }
}

let csrfToken: string | null = null;
let key: string | null = null;

/** What `POST /v1/sessions` or `GET /v1/sessions/current` said; unsafe methods show it. */
export function rememberCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Ask by a key from now on, and by no session that this browser may have. */
export function showKey(shown: string): void {
  key = shown;
}

type Query = Record<string, string | number | boolean | null | undefined>;

interface Asked {
  query?: Query;
  body?: unknown; // JSON, or a form
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The response, whatever its kind. Throws `ApiError` unless it is a success. */
export async function send(method: string, path: string, asked: Asked = {}): Promise<Response> {
  const { query, body, headers, signal } = asked;
  const isForm = body instanceof FormData;
  let response: Response;
  try {
    response = await fetch(path + queryString(query), {
      method,
      signal: signal ?? null,
      credentials: key === null ? 'same-origin' : 'omit',
      headers: {
        ...(body !== undefined && !isForm ? { 'content-type': 'application/json' } : {}),
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(csrfToken && method !== 'GET' ? { 'x-csrf-token': csrfToken } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'not_reached', 'The server was not reached.');
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** The same, and the JSON that it says. */
export async function ask<Answer>(method: string, path: string, asked: Asked = {}): Promise<Answer> {
  const response = await send(method, path, asked);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

async function failure(response: Response): Promise<ApiError> {
  const said = await response.json().catch(() => ({}));
  const wait = Number(response.headers.get('retry-after')) || null;
  return new ApiError(response.status, said.code ?? 'unknown', said.message ?? response.statusText, wait);
}

function queryString(query: Query = {}): string {
  const said = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return said.length ? `?${new URLSearchParams(said.map(([name, value]) => [name, String(value)]))}` : '';
}
