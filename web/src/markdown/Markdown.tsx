import { lazy, Suspense } from 'react';
import type { MarkdownProps } from './Drawn';
import './Markdown.css';

const load = () => import('./Drawn');
const Drawn = lazy(load);

/** Fetch what draws Markdown, because some is about to come: the first page does without it. */
export function expectMarkdown(): void {
  void load();
}

/** What a model wrote; plain for the moment until what draws it is there. */
export function Markdown(props: MarkdownProps) {
  return (
    <Suspense fallback={<p className="question-text">{props.text}</p>}>
      <Drawn {...props} />
    </Suspense>
  );
}
