import { send } from '../api/client';
import type { Receipt } from '../api/types';

export type Verdict = 'valid' | 'invalid' | 'cannot';

/** Checks a receipt's signature in this browser, with the server's public key. */
export async function verify(receipt: Receipt): Promise<Verdict> {
  const { signature, ...said } = receipt;
  if (!signature) return 'invalid';
  try {
    const pem = await (await send('GET', '/v1/receipts/key')).text();
    const key = await crypto.subtle.importKey(
      'spki',
      bytesOf(pem.replace(/-----[A-Z ]+-----|\s/g, '')),
      'Ed25519',
      false,
      ['verify'],
    );
    const text = new TextEncoder().encode(canonical(said));
    return (await crypto.subtle.verify('Ed25519', key, bytesOf(signature), text)) ? 'valid' : 'invalid';
  } catch {
    return 'cannot'; // an old browser, or a page that came over plain HTTP from another machine
  }
}

/** The one spelling of a JSON value that signatures are over (RFC 8785): names sorted, no spaces, numbers as in JavaScript. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
