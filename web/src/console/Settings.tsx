import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { Table } from '../parts/Table';

/** How the server is set, and where each value comes from. */
export function Settings() {
  const { t } = useTranslation();
  const { data } = useQuery({ queryKey: ['settings'], queryFn: admin.settings });
  return (
    <section className="block">
      <Table caption={t('console.settings')} heads={[t('keys.name'), t('health.value'), t('health.source')]}>
        {data?.data.map((setting) => (
          <tr key={setting.name} title={setting.description ?? undefined}>
            <th scope="row">
              <code>{setting.name}</code>
            </th>
            <td className="setting-value">
              <code>{typeof setting.value === 'string' ? setting.value : JSON.stringify(setting.value)}</code>
            </td>
            <td>{setting.source}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
