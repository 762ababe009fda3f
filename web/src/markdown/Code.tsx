import { Check, Copy } from 'lucide-react';
import { type ComponentProps, isValidElement, lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { useIsCodeFenceIncomplete } from 'streamdown';
import { IconButton } from '../parts/Button';
import { useCopy } from '../parts/useCopy';
import { Highlighted } from './Highlighted';
import './Code.css';

const Diagram = lazy(() => import('./Diagram'));

/** A block of code: its language, a button that copies it, colours; or the diagram that it describes. */
export function Code({ children }: ComponentProps<'pre'>) {
  const { t } = useTranslation();
  const unfinished = useIsCodeFenceIncomplete();
  const { language, code } = read(children);
  const [copied, copy] = useCopy();
  return (
    <figure className="code">
      <figcaption className="code-head">
        <span>{language || t('answer.code')}</span>
        <IconButton
          icon={copied ? Check : Copy}
          size={15}
          label={copied ? t('do.copied') : t('do.copyCode')}
          onClick={() => copy(code)}
        />
      </figcaption>
      {language === 'mermaid' && !unfinished ? (
        <Suspense fallback={<Highlighted code={code} language="text" />}>
          <Diagram code={code} />
        </Suspense>
      ) : (
        <Highlighted code={code} language={language} growing={unfinished} />
      )}
    </figure>
  );
}

function read(children: unknown): { language: string; code: string } {
  if (!isValidElement<{ className?: string; children?: unknown }>(children))
    return { language: '', code: String(children ?? '') };
  const { className = '', children: text } = children.props;
  const language = /language-([\w+#.-]+)/.exec(className)?.[1]?.toLowerCase() ?? '';
  return { language, code: (Array.isArray(text) ? text.join('') : String(text ?? '')).replace(/\n$/, '') };
}
