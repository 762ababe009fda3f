import { Check, ChevronDown } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useModels } from '../api/models';
import type { Model } from '../api/types';
import { Menu, MenuItem } from '../parts/Menu';
import { shownBytes } from '../texts';
import { IdleModels } from './IdleModels';
import { answering } from './settings';
import './ModelPicker.css';

interface ModelPickerProps {
  label: string;
  chosen: string | null;
  onChoose: (model: string) => void;
}

/** Which model answers, with what there is to know about each. */
export function ModelPicker({ label, chosen, onChoose }: ModelPickerProps) {
  const { t } = useTranslation();
  const models = useModels();
  const current = answering(models, chosen);
  const trigger = (
    <>
      <span className="model-name">{current?.id ?? (models ? t('models.none') : '…')}</span>
      <ChevronDown size={15} aria-hidden />
    </>
  );
  return (
    <Menu label={`${label}: ${current?.id ?? ''}`} title={label} className="model-picker" trigger={trigger}>
      {models?.map((model) => (
        <MenuItem key={model.id} chosen={model === current} onClick={() => onChoose(model.id)}>
          <span className="model-row">
            <strong>{model.id}</strong>
            {model === current && <Check size={15} aria-hidden />}
          </span>
          <About model={model} />
        </MenuItem>
      ))}
      <IdleModels chosen={chosen} onChoose={onChoose} />
    </Menu>
  );
}

function About({ model }: { model: Model }) {
  const { t } = useTranslation();
  const facts = [
    model.owned_by,
    model.size ? shownBytes(model.size) : null,
    model.licence ? t('models.licence', { licence: model.licence }) : t('models.unknownLicence'),
    t('models.context', { tokens: t('composer.tokens', { count: model.max_context_length }) }),
    model.fits == null ? null : model.fits ? t('models.fits') : t('models.tooLarge'),
  ];
  return <span className="model-facts">{facts.filter(Boolean).join(' · ')}</span>;
}
