import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { account } from '../api/account';
import { ChoiceField } from '../parts/Field';
import { say, sayFailure } from '../parts/Toasts';
import { shownNumber } from '../texts';

const DAYS = [1, 7, 30, 90, 365];

/** After how long without a word one's chats go by themselves; the house may not wait longer than it says. */
export function Retention() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['retention'], queryFn: account.retention });
  if (!data) return null;
  const { chat_days: wish, max_chat_days: most } = data;
  const offered = [...new Set([...DAYS, ...(wish ? [wish] : [])])].filter((days) => !most || days < most);
  const choices = [
    ...offered.sort((one, other) => one - other).map((days) => [String(days), inDays(days)] as const),
    ['', most ? inDays(most) : t('data.forever')] as const,
  ];
  const choose = (days: string) =>
    void account.setRetention(days ? Number(days) : null).then((kept) => {
      queries.setQueryData(['retention'], kept);
      say(t('do.saved'));
    }, sayFailure);
  return (
    <ChoiceField
      label={t('data.retention')}
      hint={t('data.retentionHint')}
      choices={choices}
      value={wish && (!most || wish < most) ? wish : ''}
      onChange={(event) => choose(event.target.value)}
    />
  );
}

const inDays = (days: number) => shownNumber(days, { style: 'unit', unit: 'day', unitDisplay: 'long' });
