import { useTranslation } from 'react-i18next';
import type { ToolCall } from '../api/types';
import { Highlighted } from '../markdown/Highlighted';
import { asJson } from './asJson';
import { Fold } from './Fold';

/** The functions that the model called. */
export function ToolCalls({ calls }: { calls: readonly ToolCall[] }) {
  const { t } = useTranslation();
  return calls.map((call) => (
    <Fold key={call.id} title={t('answer.tool', { name: call.function.name })}>
      <Highlighted code={asJson(call.function.arguments) ?? call.function.arguments} language="json" />
    </Fold>
  ));
}

/** What a function answered: plain text, whoever wrote it. */
export function ToolResult({ content }: { content: string }) {
  const { t } = useTranslation();
  const json = asJson(content);
  return (
    <Fold title={t('answer.toolResult')}>
      <Highlighted code={json ?? content} language={json ? 'json' : ''} />
    </Fold>
  );
}
