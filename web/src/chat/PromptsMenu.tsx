import { useQuery, useQueryClient } from '@tanstack/react-query';
import { BookmarkPlus, NotebookPen, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { prompts } from '../api/chats';
import { Button, IconButton } from '../parts/Button';
import { Dialog } from '../parts/Dialog';
import { AreaField, TextField } from '../parts/Field';
import { sayFailure } from '../parts/Toasts';
import './PromptsMenu.css';

interface PromptsMenuProps {
  draft: string; // what may be saved
  onUse: (text: string) => void;
}

/** Texts that are used again and again. */
export function PromptsMenu({ draft, onUse }: PromptsMenuProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <IconButton icon={NotebookPen} label={t('composer.prompts')} onClick={() => setOpen(true)} />
      {open && (
        <Dialog title={t('prompts.title')} onClose={() => setOpen(false)}>
          <PromptList
            onUse={(text) => {
              onUse(text);
              setOpen(false);
            }}
          />
          <NewPrompt draft={draft} />
        </Dialog>
      )}
    </>
  );
}

function PromptList({ onUse }: { onUse: (text: string) => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['prompts'], queryFn: prompts.list });
  const remove = (id: string) =>
    prompts.remove(id).then(() => queries.invalidateQueries({ queryKey: ['prompts'] }), sayFailure);
  if (!data?.data.length) return <p className="soft">{t('prompts.empty')}</p>;
  return (
    <ul className="prompts">
      {data.data.map((prompt) => (
        <li key={prompt.id}>
          <button
            type="button"
            className="prompt"
            onClick={() => onUse(prompt.content)}
            aria-label={t('prompts.use', { title: prompt.title })}
          >
            <strong>{prompt.title}</strong>
            <span>{prompt.content}</span>
          </button>
          <IconButton
            icon={Trash2}
            size={16}
            label={`${t('do.delete')}: ${prompt.title}`}
            onClick={() => void remove(prompt.id)}
          />
        </li>
      ))}
    </ul>
  );
}

function NewPrompt({ draft }: { draft: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [title, setTitle] = useState('');
  const [content, setContent] = useState(draft);
  const save = async () => {
    try {
      await prompts.create({ title: title.trim(), content });
      await queries.invalidateQueries({ queryKey: ['prompts'] });
      setTitle('');
      setContent('');
    } catch (error) {
      sayFailure(error);
    }
  };
  return (
    <form
      className="new-prompt"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <TextField label={t('prompts.name')} required value={title} onChange={(event) => setTitle(event.target.value)} />
      <AreaField
        label={t('prompts.text')}
        required
        rows={3}
        value={content}
        onChange={(event) => setContent(event.target.value)}
      />
      <div className="dialog-actions">
        <Button kind="main" type="submit" icon={BookmarkPlus}>
          {t('do.save')}
        </Button>
      </div>
    </form>
  );
}
