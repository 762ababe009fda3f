import { useTranslation } from 'react-i18next';
import { Button } from '../parts/Button';
import { Answer } from './Answer';
import type { ChatActions } from './actions';
import type { Conversation } from './conversation';
import { useMessage, usePath } from './hooks';
import './SideBySide.css';

interface SideBySideProps {
  question: string;
  conversation: Conversation;
  actions: ChatActions;
}

/** The answers to one question beside each other, and a button to go on with one of them. */
export function SideBySide({ question, conversation, actions }: SideBySideProps) {
  const { t } = useTranslation();
  usePath(conversation.thread); // an answer may be added
  const answers = conversation.thread.childrenOf(question);
  return (
    <div className="side-by-side">
      {answers.map((id) => (
        <Column key={id} id={id} conversation={conversation} actions={actions} />
      ))}
      <Button className="one-by-one" onClick={() => actions.compare(question, false)}>
        {t('answer.oneByOne')}
      </Button>
    </div>
  );
}

function Column({ id, conversation, actions }: { id: string; conversation: Conversation; actions: ChatActions }) {
  const { t } = useTranslation();
  const message = useMessage(conversation.thread, id);
  if (!message) return null;
  const choose = () => {
    actions.show(id);
    if (message.parent) actions.compare(message.parent, false);
  };
  return (
    <section className="side" aria-label={message.model ?? undefined}>
      <header className="side-head">
        <strong>{message.model}</strong>
        <Button kind="quiet" onClick={choose}>
          {t('answer.choose')}
        </Button>
      </header>
      <Answer message={message} thread={conversation.thread} actions={actions} />
    </section>
  );
}
