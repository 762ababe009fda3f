import { Ellipsis } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link, useRoute } from 'wouter';
import type { Chat } from '../api/types';
import { Menu } from '../parts/Menu';
import { useChatOffice } from './office';

/** A chat in the list, with what can be done with it. */
export function ChatLink({ chat }: { chat: Chat }) {
  const { t } = useTranslation();
  const [, params] = useRoute('/chats/:id');
  const office = useChatOffice(chat);
  const current = params?.id === chat.id;
  const title = chat.title || t('sidebar.untitled');
  return (
    <li className="chat-link" data-current={current}>
      <Link href={`/chats/${chat.id}`} aria-current={current ? 'page' : undefined} title={title}>
        {title}
      </Link>
      <Menu label={t('sidebar.menu', { title })} trigger={<Ellipsis size={16} aria-hidden />}>
        {office.items}
      </Menu>
      {office.dialog}
    </li>
  );
}
