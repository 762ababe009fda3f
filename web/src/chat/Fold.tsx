import { ChevronRight } from 'lucide-react';
import type { ReactNode } from 'react';
import './Fold.css';

interface FoldProps {
  title: string;
  open?: boolean;
  children: ReactNode;
}

/** What not everybody wants to read, one press away. */
export function Fold({ title, open = false, children }: FoldProps) {
  return (
    <details className="fold" open={open}>
      <summary>
        <ChevronRight size={15} aria-hidden /> {title}
      </summary>
      <div className="fold-inside">{children}</div>
    </details>
  );
}
