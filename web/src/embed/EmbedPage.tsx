import { ArrowUp, Square } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { answersOf } from '../api/agent';
import { showKey } from '../api/client';
import { Announcer } from '../chat/Announcer';
import { TemporaryConversation } from '../chat/conversation';
import { useIsRunning, useMessage, usePath } from '../chat/hooks';
import { ReadMessage } from '../chat/ReadMessage';
import type { Thread } from '../chat/thread';
import { IconButton } from '../parts/Button';
import { Mark } from '../parts/Mark';
import { sayFailure } from '../parts/Toasts';
import '../chat/Composer.css';
import './EmbedPage.css';

/** The chat in a frame on a page of another site, as its script tag says behind the `#`. Nothing of it is kept. */
export default function EmbedPage() {
  const { t } = useTranslation();
  const [{ title, agent, model, system }] = useState(readAddress);
  const [conversation] = useState(() => new TemporaryConversation(agent ? answersOf(agent) : undefined));
  const [draft, setDraft] = useState('');
  const path = usePath(conversation.thread);
  const running = useIsRunning(conversation.thread);
  useEffect(() => {
    document.title = title;
  }, [title]);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const content = draft.trim();
    if (running) for (const message of conversation.thread.running()) void conversation.stop(message.id);
    if (running || !content) return;
    setDraft('');
    void conversation.ask({ parent: conversation.thread.active, content, model, system }).catch(sayFailure);
  };
  return (
    <main id="main" tabIndex={-1} className="embed">
      <h1 className="embed-title">
        <Mark size={22} /> {title}
      </h1>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must reach what scrolls */}
      <div className="embed-messages" tabIndex={0} role="log" aria-live="off" aria-label={title}>
        <div className="embed-all">
          {path.map((id) => (
            <Row key={id} thread={conversation.thread} id={id} />
          ))}
        </div>
      </div>
      <Announcer thread={conversation.thread} />
      <form className="embed-ask" onSubmit={onSubmit}>
        <input
          className="input"
          aria-label={t('composer.label')}
          placeholder={t('composer.placeholder')}
          autoComplete="off"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
        />
        <IconButton
          type="submit"
          icon={running ? Square : ArrowUp}
          label={running ? t('composer.stop') : t('composer.send')}
        />
      </form>
      <p className="composer-notice">{t('composer.notice')}</p>
    </main>
  );
}

function Row({ thread, id }: { thread: Thread; id: string }) {
  const message = useMessage(thread, id);
  return message ? <ReadMessage message={message} /> : null;
}

interface Said {
  title: string;
  agent: string | null; // else a model
  model: string | null;
  system: string | null;
}

/** What the script tag said; its key is shown with each request from then on. */
function readAddress(): Said {
  const said = new URLSearchParams(location.hash.slice(1));
  showKey(said.get('key') ?? '');
  return {
    title: said.get('title') ?? 'Galerne',
    agent: said.get('agent'),
    model: said.get('model'),
    system: said.get('instructions'),
  };
}
