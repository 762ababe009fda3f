import { useQuery } from '@tanstack/react-query';
import { Sparkles } from 'lucide-react';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { chats } from '../api/chats';
import { ReadMessage } from '../chat/ReadMessage';
import { Mark } from '../parts/Mark';
import { shownTime } from '../texts';
import './SharedPage.css';

/** A conversation that somebody shared: to read, without signing in. */
export default function SharedPage({ token }: { token: string }) {
  const { t } = useTranslation();
  const { data, isPending } = useQuery({ queryKey: ['shared', token], queryFn: () => chats.shared(token) });
  const title = data?.title ?? t('share.shared');
  useEffect(() => {
    document.title = `${title} · Galerne`;
  }, [title]);
  return (
    <main id="main" tabIndex={-1} className="shared">
      <header>
        <p className="shared-mark">
          <Mark size={24} /> {t('share.shared')}
        </p>
        <h1>{title}</h1>
        {data && (
          <p className="soft small">
            {shownTime(data.created_at)} · <Sparkles size={12} aria-hidden /> {t('answer.ai')}
          </p>
        )}
      </header>
      {!isPending && !data && <p role="alert">{t('share.gone')}</p>}
      {data?.messages.map((message) => (
        <ReadMessage key={message.id} message={message} />
      ))}
    </main>
  );
}
