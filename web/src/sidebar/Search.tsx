import { useQuery } from '@tanstack/react-query';
import { Search as Glass } from 'lucide-react';
import { useDeferredValue } from 'react';
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
          onKeyDown={(event) => event.key === 'Escape' && onQuery('')}
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
