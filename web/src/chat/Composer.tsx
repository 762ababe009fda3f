import { ArrowUp, Columns2, Paperclip, SlidersHorizontal, Square } from 'lucide-react';
import {
  type ChangeEvent,
  type ClipboardEvent,
  type DragEvent,
  type FormEvent,
  type KeyboardEvent,
  useRef,
  useState,
} from 'react';
import { useTranslation } from 'react-i18next';
import { useModels } from '../api/models';
import { expectMarkdown } from '../markdown/Markdown';
import { IconButton } from '../parts/Button';
import { AttachmentChips } from './AttachmentChips';
import type { Attachments } from './attachments';
import { ModelPicker } from './ModelPicker';
import { PromptsMenu } from './PromptsMenu';
import type { ChatSettings } from './settings';
import './Composer.css';

const LONG_PASTE = 6000; // characters: what is longer becomes an attachment

interface ComposerProps {
  draft: string;
  onDraft: (draft: string) => void;
  settings: ChatSettings;
  onSettings: (changes: Partial<ChatSettings>) => void;
  onParameters: () => void; // show them
  attachments: Attachments | null; // null: this chat takes none
  running: boolean;
  onAsk: (content: string) => void;
  onStop: () => void;
}

/** Where one types, attaches and chooses who answers. */
export function Composer(props: ComposerProps) {
  const { draft, onDraft, settings, onSettings, onParameters, attachments, running, onAsk, onStop } = props;
  const { t } = useTranslation();
  const several = (useModels()?.length ?? 0) > 1;
  const [dragged, setDragged] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const ready = !running && !attachments?.busy && (draft.trim() !== '' || !!attachments?.items.length);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (running) onStop();
    else if (ready) onAsk(draft.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && running) onStop();
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (ready) submit();
  };
  const onPaste = (event: ClipboardEvent) => {
    if (!attachments) return;
    const text = event.clipboardData.getData('text/plain');
    if (event.clipboardData.files.length) attachments.add([...event.clipboardData.files]);
    else if (text.length > LONG_PASTE) attachments.add([new File([text], 'pasted.txt', { type: 'text/plain' })]);
    else return;
    event.preventDefault();
  };
  const onPick = ({ target }: ChangeEvent<HTMLInputElement>) => {
    attachments?.add([...(target.files ?? [])]);
    target.value = ''; // the same file may be picked again
  };
  const onDrag = (event: DragEvent) => {
    if (!attachments || !event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    setDragged(event.type === 'dragover');
    if (event.type === 'drop') attachments.add([...event.dataTransfer.files]);
  };
  return (
    <div className="composer-dock">
      <form
        className={`composer${dragged ? ' composer-dragged' : ''}`}
        onSubmit={submit}
        onDragOver={onDrag}
        onDragLeave={onDrag}
        onDrop={onDrag}
      >
        {attachments && <AttachmentChips attachments={attachments} />}
        <div className="composer-grow" data-text={draft}>
          <textarea
            id="composer"
            className="composer-text"
            rows={1}
            // biome-ignore lint/a11y/noAutofocus: typing is what one comes here for
            autoFocus
            aria-label={t('composer.label')}
            aria-describedby="composer-keys"
            placeholder={dragged ? t('composer.drop') : t('composer.placeholder')}
            value={draft}
            onChange={(event) => {
              expectMarkdown();
              onDraft(event.target.value);
            }}
            onKeyDown={onKeyDown}
            onPaste={onPaste}
          />
        </div>
        <span id="composer-keys" className="unseen">
          {t('composer.keys')}
        </span>
        <div className="composer-tools">
          {attachments && (
            <>
              <IconButton icon={Paperclip} label={t('composer.attach')} onClick={() => picker.current?.click()} />
              <input ref={picker} type="file" multiple hidden aria-label={t('composer.attach')} onChange={onPick} />
            </>
          )}
          <IconButton
            icon={SlidersHorizontal}
            label={t('composer.parameters')}
            aria-pressed={!!settings.system || !!settings.parameters}
            onClick={onParameters}
          />
          <PromptsMenu draft={draft} onUse={(text) => onDraft(draft ? `${draft}\n${text}` : text)} />
          <ModelPicker label={t('models.choose')} chosen={settings.model} onChoose={(model) => onSettings({ model })} />
          {several && (
            <IconButton
              icon={Columns2}
              label={t('composer.compare')}
              aria-pressed={settings.second !== null}
              onClick={() => onSettings({ second: settings.second === null ? '' : null })}
            />
          )}
          {settings.second !== null && (
            <ModelPicker
              label={t('models.second')}
              chosen={settings.second}
              onChoose={(second) => onSettings({ second })}
            />
          )}
          <button
            type="submit"
            className="composer-send"
            disabled={!running && !ready}
            aria-label={running ? t('composer.stop') : t('composer.send')}
            title={running ? t('composer.stop') : t('composer.send')}
          >
            {running ? <Square size={14} fill="currentColor" aria-hidden /> : <ArrowUp size={20} aria-hidden />}
          </button>
        </div>
      </form>
      <p className="composer-notice">{t('composer.notice')}</p>
    </div>
  );
}
