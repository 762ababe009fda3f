import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Key } from '../api/account';
import { Button } from '../parts/Button';
import { ConfirmDialog } from '../parts/ConfirmDialog';
import { Table } from '../parts/Table';
import { shownTime } from '../texts';

interface KeyTableProps {
  keys: readonly Key[];
  withUser?: boolean;
  onRevoke: (id: string) => void;
}

export function KeyTable({ keys, withUser = false, onRevoke }: KeyTableProps) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<Key | null>(null);
  const time = (text: string | null) => (text ? shownTime(Date.parse(text) / 1000, { dateStyle: 'medium' }) : '–');
  if (!keys.length) return null;
  const heads = [
    t('keys.name'),
    ...(withUser ? [t('users.user')] : []),
    t('keys.prefix'),
    t('keys.made'),
    t('keys.used'),
    '',
  ];
  return (
    <>
      <Table caption={t('keys.title')} heads={heads}>
        {keys.map((key) => (
          <tr key={key.id}>
            <th scope="row">{key.name}</th>
            {withUser && <td>{key.user}</td>}
            <td>
              <code>{key.prefix}…</code>
            </td>
            <td>{time(key.created_at)}</td>
            <td>{time(key.last_used_at)}</td>
            <td className="table-actions">
              {key.revoked_at ? (
                t('keys.revoked')
              ) : (
                <Button kind="danger" aria-label={`${t('keys.revoke')}: ${key.name}`} onClick={() => setAsked(key)}>
                  {t('keys.revoke')}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {asked && (
        <ConfirmDialog
          title={t('keys.revokeTitle', { name: asked.name })}
          text={t('keys.revokeText')}
          action={t('keys.revoke')}
          onConfirm={() => onRevoke(asked.id)}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}
