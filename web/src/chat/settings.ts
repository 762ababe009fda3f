import { useState } from 'react';
import type { Chat, Model, Parameters } from '../api/types';

/** What goes along with a question. */
export interface ChatSettings {
  model: string | null; // null: the first one that there is
  second: string | null; // beside it, where two are compared
  system: string | null;
  parameters: Parameters | null;
}

const KEY = 'galerne.model';

/** The settings of the chat that is shown; of a new one: the model that was used last. */
export function useChatSettings(chat: Chat | undefined): [ChatSettings, (changes: Partial<ChatSettings>) => void] {
  const [changed, setChanged] = useState<Partial<ChatSettings>>({});
  const settings: ChatSettings = {
    model: chat?.model ?? (chat ? null : localStorage.getItem(KEY)),
    second: null,
    system: chat?.system ?? null,
    parameters: chat?.parameters ?? null,
    ...changed,
  };
  const change = (changes: Partial<ChatSettings>) => {
    if (changes.model) localStorage.setItem(KEY, changes.model);
    setChanged((before) => ({ ...before, ...changes }));
  };
  return [settings, change];
}

/** The model that will answer: the one that was chosen if it is still there. */
export function answering(models: Model[] | null, chosen: string | null): Model | null {
  return (
    models?.find((model) => model.id === chosen || (chosen && model.aliases.includes(chosen))) ?? models?.[0] ?? null
  );
}
