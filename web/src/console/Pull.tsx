import { useQueryClient } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { IconButton } from '../parts/Button';
import { sayFailure } from '../parts/Toasts';
import { shownNumber } from '../texts';
import './Pull.css';

interface PullProps {
  model: string;
  underWay?: boolean; // somebody began before
}

/** Fetches a model, and shows how far that is; it goes on on the server though one leaves. */
export function Pull({ model, underWay = false }: PullProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [progress, setProgress] = useState<{ done: number; total: number | null } | null>(null);
  const begun = useRef(false);
  const pull = async () => {
    begun.current = true;
    setProgress({ done: 0, total: null });
    try {
      for await (const event of admin.pull(model)) {
        if (event.type === 'pull.progress') setProgress(event);
        if (event.type === 'pull.failed') throw new Error(event.failure.message);
      }
    } catch (error) {
      sayFailure(error);
    } finally {
      await queries.invalidateQueries({ queryKey: ['models'] });
      begun.current = false;
      setProgress(null);
    }
  };
  const join = useRef(pull);
  useEffect(() => {
    if (underWay && !begun.current) void join.current();
  }, [underWay]);
  const label = `${t('models.fetch')}: ${model}`;
  if (!progress) return <IconButton icon={Download} label={label} onClick={() => void pull()} />;
  const { done, total } = progress;
  return (
    <span className="pull">
      <progress aria-label={label} max={total ?? undefined} value={total ? done : undefined} />
      {total !== null && <small>{shownNumber(done / total, { style: 'percent' })}</small>}
    </span>
  );
}
