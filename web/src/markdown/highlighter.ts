import type { CSSProperties } from 'react';
import { createHighlighterCore, type HighlighterCore } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';
import { type BundledLanguage, bundledLanguages } from 'shiki/langs';

export type Colours = { content: string; offset: number; style: CSSProperties }[][];

let highlighter: Promise<HighlighterCore> | null = null;

/** The tokens of each line with their colours in both themes; null for a language that nobody knows. */
export async function highlight(code: string, language: string): Promise<Colours | null> {
  if (!(language in bundledLanguages)) return null;
  highlighter ??= createHighlighterCore({
    themes: [
      import('shiki/themes/github-light-high-contrast.mjs'),
      import('shiki/themes/github-dark-high-contrast.mjs'),
    ],
    engine: createJavaScriptRegexEngine({ forgiving: true }), // needs no WebAssembly, which our policy forbids
  });
  const shiki = await highlighter;
  await shiki.loadLanguage(bundledLanguages[language as BundledLanguage]);
  const themes = { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' };
  return shiki.codeToTokensWithThemes(code, { lang: language, themes }).map((line) =>
    line.map(({ content, offset, variants }) => ({
      content,
      offset,
      style: { color: `light-dark(${variants.light?.color}, ${variants.dark?.color})` },
    })),
  );
}
