import { useState } from 'react';

const STEP = 50;

/** The first of a long list, and how to see more of it. */
export function useFirst<Item>(all: readonly Item[]): { first: readonly Item[]; onMore: (() => void) | null } {
  const [count, setCount] = useState(STEP);
  return { first: all.slice(0, count), onMore: all.length > count ? () => setCount(count + STEP) : null };
}
