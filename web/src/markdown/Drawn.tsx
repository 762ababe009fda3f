import { type ElementType, memo, useEffect, useState } from 'react';
import { defaultRehypePlugins, defaultRemarkPlugins, Streamdown } from 'streamdown';
import { Code } from './Code';
import { Link, Picture } from './Outside';
import { Table } from './Table';

export interface MarkdownProps {
  text: string;
  growing?: boolean; // more of it is coming
}

type Plugins = typeof import('./maths');

const COMPONENTS = { a: Link, img: Picture, pre: Code, table: Table } as Record<string, ElementType>;
const REMARK = Object.values(defaultRemarkPlugins);
const REHYPE = Object.values(defaultRehypePlugins);
const REFERENCE = /^ {0,3}\[[^\]]+\]:/m; // an address, or a note, of which another block speaks
const MATHS = /\$\$|\\\(|\\\[|\$[^$\s]/;

/**
 * What a model wrote. It is hostile until parsed: HTML is sanitised, nothing is loaded from anywhere, no link is
 * followed by itself.
 *
 * What grows is drawn block by block, each by itself, so that only the last is drawn again; and it stays so at its end.
 */
export default memo(function Drawn({ text, growing = false }: MarkdownProps) {
  const maths = useMaths(MATHS.test(text));
  const [grew] = useState(growing);
  const byBlocks = growing || (grew && !REFERENCE.test(text));
  return (
    <Streamdown
      key={maths ? 'maths' : 'words'} // it heeds no other plugins later
      className="markdown"
      mode={byBlocks ? 'streaming' : 'static'}
      isAnimating={growing} // its last block of code is not whole
      parseIncompleteMarkdown={growing}
      components={COMPONENTS}
      remarkPlugins={maths ? [...REMARK, maths.remarkMaths] : REMARK}
      rehypePlugins={maths ? [...REHYPE, maths.rehypeMaths] : REHYPE}
      linkSafety={{ enabled: false }}
      controls={false}
    >
      {maths ? maths.withDollars(text) : text}
    </Streamdown>
  );
});

/** KaTeX, once a text has maths. */
function useMaths(wanted: boolean): Plugins | null {
  const [plugins, setPlugins] = useState<Plugins | null>(null);
  useEffect(() => {
    if (wanted && !plugins) void import('./maths').then(setPlugins);
  }, [wanted, plugins]);
  return plugins;
}
