import { Children, type ReactNode } from 'react';
import './Table.css';

interface TableProps {
  caption: string;
  heads: readonly string[]; // '': a column of actions
  none?: string; // what is said where there are no rows
  children: ReactNode; // the rows; undefined: they are not known yet
}

/** Rows and columns, which scroll by themselves where the page is narrower. */
export function Table({ caption, heads, none, children }: TableProps) {
  const empty = none !== undefined && children !== undefined && !Children.count(children);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must reach what scrolls
    <section className="table" tabIndex={0} aria-label={caption}>
      <table>
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {heads.map((head) =>
              head ? (
                <th key={head} scope="col">
                  {head}
                </th>
              ) : (
                <td key="actions" />
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {children}
          {empty && (
            <tr>
              <td colSpan={heads.length} className="soft">
                {none}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </section>
  );
}
