import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useSearchParams } from 'wouter';
import { useHistoryState } from 'wouter/use-browser-location';
import { chats } from '../api/chats';
import { useModels } from '../api/models';
import type { Message, Question } from '../api/types';
import { sayFailure } from '../parts/Toasts';
import { Topbar } from '../shell/Topbar';
import { Announcer } from './Announcer';
import type { ChatActions } from './actions';
import { idsOf, useAttachments } from './attachments';
import { ChatMenu } from './ChatMenu';
import { Composer } from './Composer';
import { type Conversation, TemporaryConversation } from './conversation';
import { Greeting } from './Greeting';
import { useIsRunning, usePath } from './hooks';
import { MessageList } from './MessageList';
import { openConversation } from './open';
import { ParametersPanel } from './ParametersPanel';
import { answering, type ChatSettings, useChatSettings } from './settings';
import { tellTabs, useTabs } from './tabs';
import './ChatPage.css';

const ReceiptPanel = lazy(() => import('../receipt/ReceiptPanel').then((module) => ({ default: module.ReceiptPanel })));

interface ChatPageProps {
  id: string | null; // null: a chat that is not begun, or a temporary one
  temporary?: boolean;
}

/** A chat: what was said, and where one says more. */
export function ChatPage({ id, temporary = false }: ChatPageProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const conversation = useMemo<Conversation>(() => (id ? openConversation(id) : new TemporaryConversation()), [id]);
  const { data: chat, error } = useQuery({
    queryKey: ['chats', 'one', id],
    queryFn: () => openConversation(id ?? '').load(),
    enabled: id !== null,
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [settings, setSettings] = useChatSettings(chat);
  const [draft, setDraft] = useState('');
  const [shown, setShown] = useState<'parameters' | Message | null>(null);
  const compares = useHistoryState<{ compared?: string } | null>()?.compared; // by the question that began the chat
  const [compared, setCompared] = useState<ReadonlySet<string>>(new Set(compares ? [compares] : []));
  const models = useModels();
  const model = answering(models, settings.model);
  const attachments = useAttachments({ model: model?.id ?? null, chat: id });
  const path = usePath(conversation.thread);
  const running = useIsRunning(conversation.thread);
  const [address] = useSearchParams();
  const sought = address.get('message');
  useTabs(id);
  useEffect(() => {
    if (chat && sought) conversation.thread.reveal(sought);
  }, [chat, conversation, sought]);

  const compare = (question: string, on: boolean) =>
    setCompared((before) => new Set(on ? [...before, question] : [...before].filter((each) => each !== question)));

  const refreshLists = () => {
    void queries.invalidateQueries({ queryKey: ['chats', 'list'] });
    if (id) tellTabs(id);
  };
  /** Ask, and once it is begun ask the second model, if there is one, the same. */
  const put = async (
    to: Conversation,
    asked: Pick<Question, 'parent' | 'content' | 'attachments'>,
    onBegun?: (question: string | null) => void,
  ) => {
    const { system, parameters, second } = settings;
    const onStarted = (question: string | null) => {
      onBegun?.(question);
      refreshLists();
      if (second === null || asked.content === undefined || !question) return;
      compare(question, true);
      const other = answering(models?.filter((each) => each !== model) ?? null, second);
      void to.ask({ parent: question, system, parameters, model: other?.id ?? null }).catch(sayFailure);
    };
    await to.ask({ ...asked, system, parameters, model: model?.id ?? null }, onStarted);
    refreshLists();
  };
  /** Ask in a chat that begins with this question; one that is refused leaves no chat behind. */
  const begin = async (asked: Pick<Question, 'content' | 'attachments'>) => {
    const { system, parameters, second } = settings;
    const begun = await chats.create({ model: model?.id ?? null, system, parameters });
    let started = false;
    try {
      await put(openConversation(begun.id), { parent: null, ...asked }, (question) => {
        started = true;
        queries.setQueryData(['chats', 'one', begun.id], begun);
        void queries.invalidateQueries({ queryKey: ['chats', 'one', begun.id] }); // its title
        navigate(`/chats/${begun.id}`, { state: { compared: second === null ? null : question } });
      });
    } catch (failure) {
      if (!started) await chats.remove(begun.id).catch(() => undefined);
      throw failure;
    }
  };
  const onAsk = async (content: string) => {
    const files = attachments.take();
    const asked = { content, ...(files.length ? { attachments: idsOf(files) } : {}) };
    setDraft('');
    try {
      if (id || temporary) await put(conversation, { parent: conversation.thread.active, ...asked });
      else await begin(asked);
    } catch (failure) {
      setDraft((typed) => typed || content);
      attachments.putBack(files);
      sayFailure(failure);
    }
  };
  /** Where a message stands: another question, or another answer. */
  const askAgain = (message: string, asked: Pick<Question, 'content'> = {}) => {
    focusComposer(); // the button that was pressed goes with the message
    const parent = conversation.thread.message(message)?.parent ?? null;
    void put(conversation, { parent, ...asked }).catch(sayFailure);
  };
  const onSettings = (changes: Partial<ChatSettings>) => {
    setSettings(changes);
    const { second: _, ...kept } = changes;
    if (id && Object.keys(kept).length) void chats.change(id, kept).catch(sayFailure);
  };
  const actions: ChatActions = {
    compared,
    compare,
    edit: (question, content) => askAgain(question, { content }),
    regenerate: (answer) => askAgain(answer),
    show: (message) => void conversation.show(conversation.thread.newestLeaf(message)).catch(sayFailure),
    rate: (answer, feedback) => void conversation.rate(answer, feedback).catch(sayFailure),
    receipt: (answer) => setShown(conversation.thread.message(answer) ?? null),
  };
  const onStart = (text: string) => {
    setDraft(text);
    focusComposer();
  };
  const onStop = () => {
    for (const message of conversation.thread.running()) void conversation.stop(message.id).catch(sayFailure);
  };
  const title = chat ? chat.title || t('chat.untitled') : temporary ? t('sidebar.temporary') : '';
  if (error) return <Missing />;
  return (
    <>
      <Topbar title={title}>{chat && <ChatMenu chat={chat} active={conversation.thread.active} />}</Topbar>
      <main id="main" tabIndex={-1} className="chat" data-empty={!path.length}>
        {path.length ? (
          <MessageList conversation={conversation} actions={actions} sought={sought} />
        ) : id && !chat ? (
          <p className="loading" role="status">
            {t('app.loading')}
          </p>
        ) : (
          <Greeting temporary={temporary} onStart={onStart} />
        )}
        <Announcer thread={conversation.thread} />
        <Composer
          draft={draft}
          onDraft={setDraft}
          settings={settings}
          onSettings={onSettings}
          onParameters={() => setShown('parameters')}
          attachments={temporary ? null : attachments}
          running={running}
          onAsk={(content) => void onAsk(content)}
          onStop={onStop}
        />
      </main>
      {shown === 'parameters' && (
        <ParametersPanel settings={settings} model={model} onSettings={onSettings} onClose={() => setShown(null)} />
      )}
      {shown && shown !== 'parameters' && (
        <Suspense>
          <ReceiptPanel message={shown} onClose={() => setShown(null)} />
        </Suspense>
      )}
    </>
  );
}

function focusComposer() {
  document.getElementById('composer')?.focus();
}

function Missing() {
  const { t } = useTranslation();
  return (
    <>
      <Topbar title={t('app.notFound')} />
      <main id="main" tabIndex={-1} className="loading">
        <Link href="/">{t('sidebar.new')}</Link>
      </main>
    </>
  );
}
