import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Check, Copy, Link2 } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { chats } from '../api/chats';
import type { Chat } from '../api/types';
import { Button } from '../parts/Button';
import { Dialog } from '../parts/Dialog';
import { TextField } from '../parts/Field';
import { sayFailure } from '../parts/Toasts';
import { useCopy } from '../parts/useCopy';
import { shownTime } from '../texts';
import './ShareDialog.css';

interface ShareDialogProps {
  chat: Chat;
  onClose: () => void;
}

/** Links to a copy of the chat: made, copied once, withdrawn. */
export function ShareDialog({ chat, onClose }: ShareDialogProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const key = ['shares', chat.id];
  const { data } = useQuery({ queryKey: key, queryFn: () => chats.shares(chat.id) });
  const [link, setLink] = useState<string | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: key });
  const make = () =>
    void chats.share(chat.id, chat.active).then((share) => {
      setLink(`${location.origin}/shared/${share.token}`);
      return refresh();
    }, sayFailure);
  return (
    <Dialog title={t('share.title')} onClose={onClose}>
      <p className="soft">{t('share.text')}</p>
      {link ? (
        <NewLink link={link} />
      ) : (
        <Button kind="main" icon={Link2} onClick={make}>
          {t('share.make')}
        </Button>
      )}
      <ul className="shares">
        {data?.data.map((share) => (
          <li key={share.id}>
            {t('share.made', { time: shownTime(share.created_at) })}
            <Button kind="danger" onClick={() => void chats.unshare(chat.id, share.id).then(refresh, sayFailure)}>
              {t('share.withdraw')}
            </Button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function NewLink({ link }: { link: string }) {
  const { t } = useTranslation();
  const [copied, copy] = useCopy();
  return (
    <div className="new-link">
      <TextField label={t('share.link')} readOnly value={link} onFocus={(event) => event.target.select()} />
      <Button kind="main" icon={copied ? Check : Copy} onClick={() => copy(link)}>
        {copied ? t('do.copied') : t('do.copy')}
      </Button>
    </div>
  );
}
