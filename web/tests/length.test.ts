import { expect, test } from 'vitest';
import { ApiError } from '../src/api/client';
import { LONGEST_ANSWER, withLength } from '../src/api/length';

const echo = async <Said>(said: Said) => said;

test('an answer has a bound, unless another one was chosen', async () => {
  expect(await withLength(null, echo)).toEqual({ max_tokens: LONGEST_ANSWER });
  expect(await withLength({ temperature: 0 }, echo)).toEqual({ temperature: 0, max_tokens: LONGEST_ANSWER });
  expect(await withLength({ max_tokens: 9 }, echo)).toEqual({ max_tokens: 9 });
});

test('where the context has no room for so much, it is the bound', async () => {
  const full = async (said: { max_tokens?: number | null } | null) => {
    if (said?.max_tokens) throw new ApiError(400, 'context_length_exceeded', '');
    return said;
  };
  expect(await withLength({ temperature: 0 }, full)).toEqual({ temperature: 0 });
  await expect(withLength({ max_tokens: 9000 }, full)).rejects.toThrow(ApiError);
});

test('what else fails, fails once', async () => {
  let asked = 0;
  const broken = async () => {
    asked++;
    throw new ApiError(429, 'rate_limited', '');
  };
  await expect(withLength(null, broken)).rejects.toThrow(ApiError);
  expect(asked).toBe(1);
});
