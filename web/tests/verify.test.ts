import { generateKeyPairSync, sign } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import type { Receipt } from '../src/api/types';
import { canonical, verify } from '../src/receipt/verify';

afterEach(() => vi.unstubAllGlobals());

const SAID = {
  id: 'é',
  tokens: { prompt: 31, completion: 5 },
  sources: [],
  flags: { b: true, a: null },
} as unknown as Receipt;

function signed(said: Receipt): Receipt {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  vi.stubGlobal('fetch', async () => new Response(pem));
  return { ...said, signature: sign(null, Buffer.from(canonical(said)), privateKey).toString('base64') };
}

test('the canonical form is that of RFC 8785', () => {
  expect(canonical({ b: [1, 'é"', null], a: { d: true, c: 0.5 } })).toBe(
    '{"a":{"c":0.5,"d":true},"b":[1,"é\\"",null]}',
  );
});

test('what the server signed is valid, and nothing else', async () => {
  const receipt = signed(SAID);
  expect(await verify(receipt)).toBe('valid');
  expect(await verify({ ...receipt, id: 'e' })).toBe('invalid');
  expect(await verify({ ...receipt, signature: '' })).toBe('invalid');
});

test('a browser that cannot check says so', async () => {
  const receipt = signed(SAID);
  vi.stubGlobal('crypto', {});
  expect(await verify(receipt)).toBe('cannot');
});
