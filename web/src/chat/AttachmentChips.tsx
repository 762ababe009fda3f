import { FileText, FileX, LoaderCircle, X } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../parts/Button';
import type { Attachments, Item } from './attachments';
import './AttachmentChips.css';

/** The files that go along: what each costs in tokens, and whether it fits. */
export function AttachmentChips({ attachments }: { attachments: Attachments }) {
  const { t } = useTranslation();
  if (!attachments.items.length) return null;
  return (
    <ul className="chips">
      {attachments.items.map((item) => (
        <li key={item.key} className={`chip${item.failure || item.attachment?.fit?.fits === false ? ' chip-bad' : ''}`}>
          <ChipIcon item={item} />
          <span className="chip-words">
            <span className="chip-name">{item.name}</span>
            <span className="chip-about" role="status">
              <About item={item} />
            </span>
          </span>
          <IconButton
            icon={X}
            size={15}
            label={`${t('do.remove')}: ${item.name}`}
            onClick={() => attachments.remove(item.key)}
          />
        </li>
      ))}
    </ul>
  );
}

function ChipIcon({ item }: { item: Item }) {
  if (item.failure) return <FileX size={18} aria-hidden />;
  if (!item.attachment) return <LoaderCircle size={18} className="spin" aria-hidden />;
  return <FileText size={18} aria-hidden />;
}

function About({ item }: { item: Item }) {
  const { t } = useTranslation();
  if (item.failure) return item.failure;
  if (!item.attachment) return t('composer.reading', { name: item.name });
  const fit = item.attachment.fit;
  if (!fit) return null;
  return `${t('composer.tokens', { count: fit.tokens })} · ${fit.fits ? t('composer.fits') : t('composer.tooLong')}`;
}
