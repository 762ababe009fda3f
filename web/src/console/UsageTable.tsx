import { useTranslation } from 'react-i18next';
import type { UsageSum } from '../api/account';
import { Table } from '../parts/Table';
import { shownEnergy, shownEuros, shownNumber } from '../texts';

interface UsageTableProps {
  caption: string;
  sums: readonly UsageSum[];
}

/** Requests, tokens, energy and cost, by whatever the sums have in common. */
export function UsageTable({ caption, sums }: UsageTableProps) {
  const { t } = useTranslation();
  if (!sums.length) return <p className="soft">{t('usage.none')}</p>;
  const heads = [
    caption,
    t('usage.requests'),
    t('usage.read'),
    t('usage.written'),
    t('receipt.energy'),
    t('receipt.cost'),
  ];
  return (
    <Table caption={caption} heads={heads}>
      {sums.map((sum) => (
        <tr key={sum.name}>
          <th scope="row">{sum.name ?? '–'}</th>
          <td>{shownNumber(sum.requests)}</td>
          <td>{shownNumber(sum.input_tokens + sum.cached_tokens)}</td>
          <td>{shownNumber(sum.output_tokens)}</td>
          <td>{sum.joules === null ? t('receipt.unknown') : shownEnergy(sum.joules)}</td>
          <td>{shownEuros(Number(sum.euros))}</td>
        </tr>
      ))}
    </Table>
  );
}
