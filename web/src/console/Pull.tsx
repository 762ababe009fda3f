import { useQueryClient } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { IconButton } from '../parts/Button';
import { sayFailure } from '../parts/Toasts';

/** Fetches a model, and shows how far that is; it goes on on the server though one leaves. */
export function Pull({ model }: { model: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [progress, setProgress] = useState<{ done: number; total: number | null } | null>(null);
  const pull = async () => {
    setProgress({ done: 0, total: null });
    try {
      for await (const event of admin.pull(model)) {
        if (event.type === 'pull.progress') setProgress(event);
        if (event.type === 'pull.failed') throw new Error(event.failure.message);
      }
      await queries.invalidateQueries({ queryKey: ['models'] });
    } catch (error) {
      sayFailure(error);
    } finally {
      setProgress(null);
    }
  };
  const label = `${t('models.fetch')}: ${model}`;
  if (!progress) {
    return <IconButton icon={Download} label={label} onClick={() => void pull()} />;
  }
  return (
    <progress aria-label={label} max={progress.total ?? undefined} value={progress.total ? progress.done : undefined} />
  );
}
