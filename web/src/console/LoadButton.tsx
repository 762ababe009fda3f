import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { admin, type InstalledModel } from '../api/admin';
import { Button } from '../parts/Button';
import { sayFailure } from '../parts/Toasts';

/** Loads a model that is here, or unloads it; the list says how far that is. */
export function LoadButton({ model }: { model: InstalledModel }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const loads = model.state === 'here' || model.state === 'failed';
  const onClick = async () => {
    setAsking(true);
    try {
      await (loads ? admin.load : admin.unload)(model.name);
    } catch (error) {
      sayFailure(error);
    } finally {
      setAsking(false);
      await queries.invalidateQueries({ queryKey: ['models'] });
    }
  };
  const word = t(loads ? 'models.load' : 'models.unload');
  return (
    <Button
      aria-label={`${word}: ${model.name}`}
      disabled={asking || model.state === 'unloading'}
      onClick={() => void onClick()}
    >
      {word}
    </Button>
  );
}
