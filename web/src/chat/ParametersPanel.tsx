import { useTranslation } from 'react-i18next';
import { LONGEST_ANSWER } from '../api/length';
import type { Model, Parameters } from '../api/types';
import { Dialog } from '../parts/Dialog';
import { AreaField, TextField } from '../parts/Field';
import type { ChatSettings } from './settings';

interface ParametersPanelProps {
  settings: ChatSettings;
  model: Model | null;
  onSettings: (changes: Partial<ChatSettings>) => void;
  onClose: () => void;
}

const NUMBERS = [
  {
    name: 'temperature',
    label: 'parameters.temperature',
    hint: 'parameters.temperatureHint',
    min: 0,
    max: 2,
    step: 0.1,
  },
  { name: 'top_p', label: 'parameters.topP', hint: undefined, min: 0, max: 1, step: 0.05 },
  { name: 'max_tokens', label: 'parameters.maxTokens', hint: undefined, min: 1, max: undefined, step: 1 },
  { name: 'random_seed', label: 'parameters.seed', hint: 'parameters.seedHint', min: 0, max: undefined, step: 1 },
] as const;

/** What the model is told before the conversation, and how it chooses its words. */
export function ParametersPanel({ settings, model, onSettings, onClose }: ParametersPanelProps) {
  const { t } = useTranslation();
  const set = (name: (typeof NUMBERS)[number]['name'], value: string) => {
    const parameters: Parameters = { ...settings.parameters };
    if (value === '') delete parameters[name];
    else parameters[name] = Number(value);
    onSettings({ parameters: Object.keys(parameters).length ? parameters : null });
  };
  const own: Record<string, number | null | undefined> = {
    temperature: model?.default_model_temperature,
    max_tokens: LONGEST_ANSWER,
  };
  return (
    <Dialog kind="side" title={t('parameters.title')} onClose={onClose}>
      <AreaField
        label={t('parameters.system')}
        hint={t('parameters.systemHint')}
        rows={6}
        value={settings.system ?? ''}
        onChange={(event) => onSettings({ system: event.target.value || null })}
      />
      {NUMBERS.map(({ name, label, hint, ...range }) => (
        <TextField
          key={name}
          label={t(label)}
          hint={hint && t(hint)}
          type="number"
          inputMode="decimal"
          placeholder={String(own[name] ?? t('parameters.default'))}
          value={String(settings.parameters?.[name] ?? '')}
          onChange={(event) => set(name, event.target.value)}
          {...range}
        />
      ))}
    </Dialog>
  );
}
