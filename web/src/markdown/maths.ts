import 'katex/dist/katex.min.css';
import type { Element, Root, Text } from 'hast';
import { fromHtml } from 'hast-util-from-html';
import katex from 'katex';
import remarkMath from 'remark-math';
import type { Pluggable } from 'unified';
import { SKIP, visit } from 'unist-util-visit';

/** `$$...$$` and, as models that were told about TeX write it, `$...$`. */
export const remarkMaths: Pluggable = [remarkMath, { singleDollarTextMath: true }];

/**
 * Formulas as KaTeX draws them. Parsed to a tree, so that styles are set by React, property by property: the page's
 * policy lets nobody write a style attribute.
 */
export function rehypeMaths() {
  return (tree: Root) =>
    visit(tree, 'element', (element, index, parent) => {
      if (!parent || index === undefined || !has(element, 'language-math')) return undefined;
      const block = parent.type === 'element' && parent.tagName === 'pre';
      const formula = words(element);
      const html = katex.renderToString(formula, {
        displayMode: block,
        throwOnError: false,
        trust: false,
        strict: 'ignore',
        maxExpand: 200,
        maxSize: 40,
      });
      const drawn = fromHtml(html, { fragment: true }).children as Element[];
      if (block) Object.assign(parent, { tagName: 'div', properties: { className: ['formula'] }, children: drawn });
      else parent.children.splice(index, 1, ...drawn);
      return SKIP;
    });
}

/** TeX's own brackets, outside of code, as the dollars that the parser knows. */
export function withDollars(text: string): string {
  return text
    .split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/)
    .map((piece, at) =>
      at % 2
        ? piece
        : piece
            .replace(/\\\[([\s\S]*?)\\\]/g, (_, formula) => `$$$$${formula}$$$$`)
            .replace(/\\\(([\s\S]*?)\\\)/g, (_, formula) => `$${formula}$`),
    )
    .join('');
}

function has(element: Element, name: string): boolean {
  const names = element.properties.className;
  return Array.isArray(names) && names.includes(name);
}

function words(element: Element): string {
  return element.children
    .map((child) => ('children' in child ? words(child as Element) : ((child as Text).value ?? '')))
    .join('');
}
