import { Pencil } from 'lucide-react';
import { memo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Message } from '../api/types';
import { Button, IconButton } from '../parts/Button';
import type { ChatActions } from './actions';
import { QuestionBubble } from './QuestionBubble';
import type { Thread } from './thread';
import { Versions } from './Versions';
import './Question.css';

interface QuestionProps {
  message: Message;
  thread: Thread;
  actions: ChatActions;
}

/** What the person said, as it was typed; it can be asked again in other words, on a branch of its own. */
export const Question = memo(function Question({ message, thread, actions }: QuestionProps) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState<string | null>(null);
  const cancelled = useRef(false);
  if (draft !== null) {
    const close = (back: boolean) => {
      cancelled.current = back;
      setDraft(null);
    };
    const ask = () => {
      actions.edit(message.id, draft);
      close(false);
    };
    return <QuestionEditor draft={draft} onChange={setDraft} onAsk={ask} onCancel={() => close(true)} />;
  }
  return (
    <article className="question" aria-label={t('question.label')}>
      <QuestionBubble message={message} />
      <div className="question-actions">
        <Versions message={message} thread={thread} actions={actions} />
        <IconButton
          icon={Pencil}
          size={15}
          label={t('question.edit')}
          // where the focus was before
          autoFocus={cancelled.current}
          onClick={() => setDraft(message.content)}
        />
      </div>
    </article>
  );
});

interface QuestionEditorProps {
  draft: string;
  onChange: (draft: string) => void;
  onAsk: () => void;
  onCancel: () => void;
}

function QuestionEditor({ draft, onChange, onAsk, onCancel }: QuestionEditorProps) {
  const { t } = useTranslation();
  return (
    <form
      className="question-editor"
      onSubmit={(event) => {
        event.preventDefault();
        if (draft.trim()) onAsk();
      }}
    >
      <textarea
        className="input"
        // biome-ignore lint/a11y/noAutofocus: somebody pressed 'edit' a moment ago
        autoFocus
        aria-label={t('question.edit')}
        rows={Math.min(12, draft.split('\n').length + 1)}
        value={draft}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && onCancel()}
      />
      <div className="dialog-actions">
        <Button kind="quiet" onClick={onCancel}>
          {t('do.cancel')}
        </Button>
        <Button kind="main" type="submit">
          {t('question.ask')}
        </Button>
      </div>
    </form>
  );
}
