import { Children, type CSSProperties, type ReactNode } from 'react';
import './Table.css';

interface TableProps {
  caption: string;
  heads: readonly string[]; // '': a column of actions
  none?: string; // what is said where there are no rows
  children: ReactNode; // the rows; undefined: they are not known yet
}

const MOST_ON_A_PHONE = 3; // columns

/** Rows and columns. On a phone, rows of many are stacked; what is wider than the page all the same scrolls by itself. */
export function Table({ caption, heads, none, children }: TableProps) {
  const empty = none !== undefined && children !== undefined && !Children.count(children);
  const many = heads.length > MOST_ON_A_PHONE;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must reach what scrolls
    <section className="table" tabIndex={0} aria-label={caption}>
      <table className={many ? 'table-stacking' : undefined} style={many ? labels(heads) : undefined}>
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

/** The heads as what Table.css writes before each cell of a stacked row. */
function labels(heads: readonly string[]): CSSProperties {
  return Object.fromEntries(heads.map((head, at) => [`--head-${at + 1}`, JSON.stringify(head)]));
}
