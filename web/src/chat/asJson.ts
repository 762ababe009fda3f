/** An answer that is a JSON object or list, spread over lines; null for any other. */
export function asJson(text: string): string | null {
  if (!/^\s*[[{][\s\S]*[\]}]\s*$/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}
