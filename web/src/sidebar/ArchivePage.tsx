import { useInfiniteQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { chats } from '../api/chats';
import { Button } from '../parts/Button';
import { Topbar } from '../shell/Topbar';
import { ChatLink } from './ChatLink';
import '../account/AccountPage.css';
import './ChatList.css';

/** Chats that were put away. */
export default function ArchivePage() {
  const { t } = useTranslation();
  const list = useInfiniteQuery({
    queryKey: ['chats', 'list', 'archived'],
    queryFn: ({ pageParam }) => chats.list({ archived: true, page_token: pageParam, page_size: 100 }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_page_token,
  });
  const all = list.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <Topbar title={t('sidebar.archive')} />
      <main id="main" tabIndex={-1} className="sheet">
        {list.isSuccess && !all.length && <p className="soft">{t('sidebar.archiveEmpty')}</p>}
        <ul className="archive">
          {all.map((chat) => (
            <ChatLink key={chat.id} chat={chat} />
          ))}
        </ul>
        {list.hasNextPage && <Button onClick={() => void list.fetchNextPage()}>{t('sidebar.more')}</Button>}
      </main>
    </>
  );
}
