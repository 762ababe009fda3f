import { Check, Copy } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Button } from '../parts/Button';
import { useCopy } from '../parts/useCopy';

/** What is told only once. */
export function Secret({ title, secret }: { title: string; secret: string }) {
  const { t } = useTranslation();
  const [copied, copy] = useCopy();
  return (
    <div className="secret" role="status">
      <strong>{title}</strong>
      <code>{secret}</code>
      <div>
        <Button icon={copied ? Check : Copy} onClick={() => copy(secret)}>
          {copied ? t('do.copied') : t('do.copy')}
        </Button>
      </div>
    </div>
  );
}
