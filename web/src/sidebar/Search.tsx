import { useQuery } from '@tanstack/react-query';
import { Search as Glass } from 'lucide-react';
import { type KeyboardEvent, useDeferredValue, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { chats } from '../api/chats';
import { Shortcut } from '../parts/Shortcut';
import './Search.css';

interface SearchProps {
  query: string;
  onQuery: (query: string) => void;
}

/** Finds words in everything that was said. */
export function Search({ query, onQuery }: SearchProps) {
  const { t } = useTranslation();
  const asked = useDeferredValue(query.trim());
  const before = useRef<EventTarget | null>(null); // what had the focus
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    onQuery('');
    if (before.current instanceof HTMLElement) before.current.focus();
  };
  return (
    <div className="search">
      <label className="search-field">
        <Glass size={16} aria-hidden />
        <input
          id="search"
          type="search"
          aria-keyshortcuts="Control+K"
          aria-label={t('sidebar.searchHint')}
          placeholder={t('sidebar.search')}
          value={query}
          onChange={(event) => onQuery(event.target.value)}
          onFocus={(event) => {
            before.current = event.relatedTarget;
          }}
          onKeyDown={onKeyDown}
        />
        {!query && <Shortcut keys="K" />}
      </label>
      {asked && <Hits query={asked} />}
    </div>
  );
}

function Hits({ query }: { query: string }) {
  const { t } = useTranslation();
  const { data } = useQuery({
    queryKey: ['chats', 'search', query],
    queryFn: () => chats.search(query),
    placeholderData: (before) => before,
  });
  if (!data) return null;
  if (!data.data.length)
    return (
      <p className="no-hits" role="status">
        {t('sidebar.noHits')}
      </p>
    );
  return (
    <ul className="hits">
      {data.data.map(({ chat, message, snippet }) => (
        <li key={`${chat.id} ${message}`}>
          <Link href={`/chats/${chat.id}${message ? `?message=${message}` : ''}`} className="hit">
            <strong>{chat.title || t('sidebar.untitled')}</strong>
            <span>
              {snippet.map(({ text, match }, at) =>
                // biome-ignore lint/suspicious/noArrayIndexKey: pieces do not move
                match ? <mark key={at}>{text}</mark> : text,
              )}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
