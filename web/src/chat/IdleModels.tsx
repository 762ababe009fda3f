import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useMay } from '../api/account';
import { admin } from '../api/admin';
import { useModels } from '../api/models';
import { MenuItem } from '../parts/Menu';
import { say, sayFailure } from '../parts/Toasts';
import { shownBytes } from '../texts';

interface IdleModelsProps {
  chosen: string | null;
  onChoose: (model: string) => void;
}

/** Models that are here and do not answer now: who may loads one by choosing it, others see what became of theirs. */
export function IdleModels({ chosen, onChoose }: IdleModelsProps) {
  const { t } = useTranslation();
  const models = useModels();
  if (useMay('models:manage')) return <Loadable onChoose={onChoose} />;
  if (!chosen || !models || models.some(({ id, aliases }) => [id, ...aliases].includes(chosen))) return null;
  return (
    <MenuItem disabled>
      <strong>{chosen}</strong>
      <span className="model-facts">{t('models.askForIt')}</span>
    </MenuItem>
  );
}

function Loadable({ onChoose }: Pick<IdleModelsProps, 'onChoose'>) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['models', 'installed'], queryFn: admin.models });
  const load = async (model: string) => {
    say(`${model}: ${t('models.states.loading')}…`);
    try {
      await admin.loadFully(model);
      await queries.invalidateQueries({ queryKey: ['models'] });
      onChoose(model);
      say(`${model}: ${t('models.states.ready')}`);
    } catch (error) {
      sayFailure(error);
    }
  };
  const idle = data?.data.filter(({ state }) => state === 'here');
  return idle?.map(({ name, size }) => (
    <MenuItem key={name} onClick={() => void load(name)}>
      <strong>{name}</strong>
      <span className="model-facts">
        {shownBytes(size)} · {t('models.loadsWhenChosen')}
      </span>
    </MenuItem>
  ));
}
