import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ROLES, type User } from '../api/admin';
import { Button } from '../parts/Button';
import { ConfirmDialog } from '../parts/ConfirmDialog';
import { Table } from '../parts/Table';

interface UserTableProps {
  users: readonly User[];
  onChange: ((id: string, changes: { role?: string; disabled?: boolean }) => void) | null; // null: one may not
  onErase: ((id: string) => void) | null;
}

export function UserTable({ users, onChange, onErase }: UserTableProps) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<User | null>(null);
  if (!users.length) return <p className="soft">{t('users.none')}</p>;
  return (
    <>
      <Table
        caption={t('console.users')}
        heads={[t('users.name'), t('signIn.email'), t('users.workspace'), t('users.role'), '']}
      >
        {users.map((user) => (
          <tr key={user.id}>
            <th scope="row">{user.name}</th>
            <td>{user.email}</td>
            <td>{user.workspace}</td>
            <td>
              <RoleOf user={user} onChange={onChange && ((role) => onChange(user.id, { role }))} />
            </td>
            <td className="table-actions">
              {onChange && (
                <Button onClick={() => onChange(user.id, { disabled: !user.disabled_at })}>
                  {t(user.disabled_at ? 'users.enable' : 'users.disable')}
                </Button>
              )}
              {onErase && (
                <Button kind="danger" aria-label={`${t('users.erase')}: ${user.name}`} onClick={() => setAsked(user)}>
                  {t('users.erase')}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {asked && (
        <ConfirmDialog
          title={t('users.eraseTitle', { name: asked.name })}
          text={t('users.eraseText')}
          action={t('users.erase')}
          onConfirm={() => onErase?.(asked.id)}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

function RoleOf({ user, onChange }: { user: User; onChange: ((role: string) => void) | null }) {
  const { t } = useTranslation();
  return (
    <select
      className="input"
      aria-label={`${t('users.role')}: ${user.name}`}
      value={user.role}
      disabled={!onChange}
      onChange={(event) => onChange?.(event.target.value)}
    >
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {t(`roles.${role}`)}
        </option>
      ))}
    </select>
  );
}
