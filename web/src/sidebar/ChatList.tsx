import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { chats, folders } from '../api/chats';
import type { Chat } from '../api/types';
import { Button } from '../parts/Button';
import { ChatLink } from './ChatLink';
import { FolderSection } from './FolderSection';
import { NewFolder } from './NewFolder';
import './ChatList.css';

/** One's chats: the pinned ones, then by folder, then by when something was last said. */
export function ChatList() {
  const { t } = useTranslation();
  const list = useInfiniteQuery({
    queryKey: ['chats', 'list'],
    queryFn: ({ pageParam }) => chats.list({ page_token: pageParam, page_size: 100 }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
  const { data: kept } = useQuery({ queryKey: ['folders'], queryFn: folders.list });
  const all = list.data?.pages.flatMap((page) => page.data) ?? [];
  const names = new Set(kept?.data.map((folder) => folder.id));
  const loose = all.filter((chat) => !chat.pinned && !(chat.folder && names.has(chat.folder)));
  return (
    <div className="chat-list">
      <Section title={t('sidebar.pinned')} chats={all.filter((chat) => chat.pinned)} />
      {kept?.data.map((folder) => (
        <FolderSection
          key={folder.id}
          folder={folder}
          chats={all.filter((chat) => !chat.pinned && chat.folder === folder.id)}
        />
      ))}
      {byAge(loose).map(([age, some]) => (
        <Section key={age} title={t(`sidebar.${age}`)} chats={some} />
      ))}
      {list.hasNextPage && (
        <Button kind="quiet" onClick={() => void list.fetchNextPage()}>
          {t('sidebar.more')}
        </Button>
      )}
      {list.isSuccess && !all.length && <p className="chat-list-empty">{t('sidebar.empty')}</p>}
      {all.length > 0 && <NewFolder />}
    </div>
  );
}

function Section({ title, chats }: { title: string; chats: Chat[] }) {
  if (!chats.length) return null;
  return (
    <section>
      <h2 className="chat-list-title">{title}</h2>
      <ul>
        {chats.map((chat) => (
          <ChatLink key={chat.id} chat={chat} />
        ))}
      </ul>
    </section>
  );
}

const DAY = 86_400;

function byAge(chats: Chat[]): ['today' | 'week' | 'older', Chat[]][] {
  const today = new Date().setHours(0, 0, 0, 0) / 1000;
  const ages = { today: [] as Chat[], week: [] as Chat[], older: [] as Chat[] };
  for (const chat of chats)
    ages[chat.updated_at >= today ? 'today' : chat.updated_at >= today - 6 * DAY ? 'week' : 'older'].push(chat);
  return Object.entries(ages) as ['today' | 'week' | 'older', Chat[]][];
}
