import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Archive, Download, FolderInput, FolderMinus, Link2, Pencil, Pin, PinOff, Trash2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation, useRoute } from 'wouter';
import { chats, folders } from '../api/chats';
import type { Chat } from '../api/types';
import { forgetConversation } from '../chat/open';
import { tellTabs } from '../chat/tabs';
import { ConfirmDialog } from '../parts/ConfirmDialog';
import { MenuItem } from '../parts/Menu';
import { NameDialog } from '../parts/NameDialog';
import { saveFile } from '../parts/saveFile';
import { say, sayFailure } from '../parts/Toasts';
import { ShareDialog } from './ShareDialog';

const FORMATS = {
  markdown: { name: 'Markdown', ending: 'md' },
  pdf: { name: 'PDF', ending: 'pdf' },
  json: { name: 'JSON', ending: 'json' },
};

type Open = 'rename' | 'share' | 'delete' | null;

/** What can be done with a chat as a whole: the items of a menu, and the dialog that one of them opened. */
export function useChatOffice(chat: Chat): { items: ReactNode; dialog: ReactNode } {
  const [open, setOpen] = useState<Open>(null);
  const { change, remove } = useChanges(chat);
  return {
    items: <Items chat={chat} change={change} onOpen={setOpen} />,
    dialog: open && <Dialogs chat={chat} open={open} change={change} remove={remove} onClose={() => setOpen(null)} />,
  };
}

type Change = (changes: Partial<Chat>) => void;

function useChanges(chat: Chat): { change: Change; remove: () => void } {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [, params] = useRoute('/chats/:id');
  const refresh = async () => {
    tellTabs(chat.id);
    await queries.invalidateQueries({ queryKey: ['chats', 'list'] });
  };
  const change: Change = (changes) =>
    void chats.change(chat.id, changes).then((changed) => {
      queries.setQueryData(['chats', 'one', chat.id], changed);
      return refresh();
    }, sayFailure);
  const remove = () =>
    void chats.remove(chat.id).then(() => {
      forgetConversation(chat.id);
      queries.removeQueries({ queryKey: ['chats', 'one', chat.id] });
      if (params?.id === chat.id) navigate('/');
      say(t('sidebar.deleted'));
      return refresh();
    }, sayFailure);
  return { change, remove };
}

interface ItemsProps {
  chat: Chat;
  change: Change;
  onOpen: (open: Open) => void;
}

function Items({ chat, change, onOpen }: ItemsProps) {
  const { t, i18n } = useTranslation();
  const { data } = useQuery({ queryKey: ['folders'], queryFn: folders.list });
  const exportAs = (format: keyof typeof FORMATS) =>
    void chats
      .export(chat.id, format, chat.active, i18n.language)
      .then((file) => saveFile(`${chat.title || chat.id}.${FORMATS[format].ending}`, file), sayFailure);
  return (
    <>
      <MenuItem icon={Pencil} onClick={() => onOpen('rename')}>
        {t('do.rename')}
      </MenuItem>
      <MenuItem icon={chat.pinned ? PinOff : Pin} onClick={() => change({ pinned: !chat.pinned })}>
        {t(chat.pinned ? 'do.unpin' : 'do.pin')}
      </MenuItem>
      <MenuItem icon={Link2} onClick={() => onOpen('share')}>
        {t('do.share')}
      </MenuItem>
      {data?.data
        .filter((folder) => folder.id !== chat.folder)
        .map((folder) => (
          <MenuItem key={folder.id} icon={FolderInput} onClick={() => change({ folder: folder.id })}>
            {t('sidebar.moveTo', { name: folder.name })}
          </MenuItem>
        ))}
      {chat.folder && (
        <MenuItem icon={FolderMinus} onClick={() => change({ folder: null })}>
          {t('sidebar.noFolder')}
        </MenuItem>
      )}
      {(['markdown', 'pdf', 'json'] as const).map((format) => (
        <MenuItem key={format} icon={Download} onClick={() => exportAs(format)}>
          {t('chat.exportAs', { format: FORMATS[format].name })}
        </MenuItem>
      ))}
      <MenuItem icon={Archive} onClick={() => change({ archived: !chat.archived })}>
        {t(chat.archived ? 'do.unarchive' : 'do.archive')}
      </MenuItem>
      <MenuItem icon={Trash2} danger onClick={() => onOpen('delete')}>
        {t('do.delete')}
      </MenuItem>
    </>
  );
}

interface DialogsProps {
  chat: Chat;
  open: Open;
  change: Change;
  remove: () => void;
  onClose: () => void;
}

function Dialogs({ chat, open, change, remove, onClose }: DialogsProps) {
  const { t } = useTranslation();
  if (open === 'rename') {
    return (
      <NameDialog
        title={t('do.rename')}
        label={t('prompts.name')}
        name={chat.title ?? ''}
        onName={(title) => change({ title })}
        onClose={onClose}
      />
    );
  }
  if (open === 'share') return <ShareDialog chat={chat} onClose={onClose} />;
  return (
    <ConfirmDialog
      title={t('sidebar.deleteTitle')}
      text={t('sidebar.deleteText')}
      action={t('do.delete')}
      onConfirm={remove}
      onClose={onClose}
    />
  );
}
