import { useTranslation } from 'react-i18next';
import { ROLES, type User } from '../api/admin';
import { Button } from '../parts/Button';
import { Table } from '../parts/Table';

interface UserTableProps {
  users: readonly User[];
  onChange: (id: string, changes: { role?: string; disabled?: boolean }) => void;
}

export function UserTable({ users, onChange }: UserTableProps) {
  const { t } = useTranslation();
  if (!users.length) return <p className="soft">{t('users.none')}</p>;
  return (
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
            <select
              className="input"
              aria-label={`${t('users.role')}: ${user.name}`}
              value={user.role}
              onChange={(event) => onChange(user.id, { role: event.target.value })}
            >
              {ROLES.map((role) => (
                <option key={role} value={role}>
                  {t(`roles.${role}`)}
                </option>
              ))}
            </select>
          </td>
          <td className="table-actions">
            <Button
              kind={user.disabled_at ? 'plain' : 'danger'}
              onClick={() => onChange(user.id, { disabled: !user.disabled_at })}
            >
              {t(user.disabled_at ? 'users.enable' : 'users.disable')}
            </Button>
          </td>
        </tr>
      ))}
    </Table>
  );
}
