import { Ellipsis } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Chat } from '../api/types';
import { Menu } from '../parts/Menu';
import { useChatOffice } from '../sidebar/office';

/** What can be done with the chat that is shown. */
export function ChatMenu({ chat, active }: { chat: Chat; active: string | null }) {
  const { t } = useTranslation();
  const office = useChatOffice({ ...chat, active });
  return (
    <>
      <Menu label={t('chat.menu')} trigger={<Ellipsis size={18} aria-hidden />}>
        {office.items}
      </Menu>
      {office.dialog}
    </>
  );
}
