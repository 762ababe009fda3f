import { useQueryClient } from '@tanstack/react-query';
import { Ellipsis, Folder as FolderIcon, Pencil, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { folders } from '../api/chats';
import type { Chat, Folder } from '../api/types';
import { Menu, MenuItem } from '../parts/Menu';
import { NameDialog } from '../parts/NameDialog';
import { sayFailure } from '../parts/Toasts';
import { ChatLink } from './ChatLink';

interface FolderSectionProps {
  folder: Folder;
  chats: Chat[];
}

export function FolderSection({ folder, chats }: FolderSectionProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [naming, setNaming] = useState(false);
  const then = (done: Promise<unknown>) =>
    void done.then(async () => {
      await queries.invalidateQueries({ queryKey: ['folders'] });
      await queries.invalidateQueries({ queryKey: ['chats', 'list'] });
    }, sayFailure);
  return (
    <section className="folder">
      <div className="chat-link">
        <details className="folder-details" open={chats.length > 0}>
          <summary>
            <FolderIcon size={16} aria-hidden /> {folder.name}
          </summary>
          <ul>
            {chats.map((chat) => (
              <ChatLink key={chat.id} chat={chat} />
            ))}
          </ul>
        </details>
        <Menu label={t('sidebar.menu', { title: folder.name })} trigger={<Ellipsis size={16} aria-hidden />}>
          <MenuItem icon={Pencil} onClick={() => setNaming(true)}>
            {t('do.rename')}
          </MenuItem>
          <MenuItem icon={Trash2} danger onClick={() => then(folders.remove(folder.id))}>
            {t('do.delete')}
          </MenuItem>
        </Menu>
      </div>
      {naming && (
        <NameDialog
          title={t('do.rename')}
          label={t('sidebar.folderName')}
          name={folder.name}
          onName={(name) => then(folders.rename(folder.id, name))}
          onClose={() => setNaming(false)}
        />
      )}
    </section>
  );
}
