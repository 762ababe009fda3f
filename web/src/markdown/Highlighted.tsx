import { Fragment, useEffect, useState } from 'react';
import type { Colours } from './highlighter';

const MOST = 40_000; // characters: more than that is shown in one colour

interface HighlightedProps {
  code: string;
  language: string;
  growing?: boolean;
}

/** Code in colours once the language's grammar is there; plain until then, and while it grows. */
export function Highlighted({ code, language, growing = false }: HighlightedProps) {
  const [found, setFound] = useState<{ code: string; lines: Colours } | null>(null);
  useEffect(() => {
    if (growing || !language || code.length > MOST) return;
    let current = true;
    void import('./highlighter')
      .then(({ highlight }) => highlight(code, language))
      .then((lines) => current && lines && setFound({ code, lines }));
    return () => {
      current = false;
    };
  }, [code, language, growing]);
  const lines = found?.code === code ? found.lines : null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must reach what scrolls
    <pre className="code-text" tabIndex={0}>
      <code>
        {lines
          ? lines.map((line, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines do not move
              <Fragment key={at}>
                {at > 0 && '\n'}
                {line.map((token) => (
                  <span key={token.offset} style={token.style}>
                    {token.content}
                  </span>
                ))}
              </Fragment>
            ))
          : code}
      </code>
    </pre>
  );
}
