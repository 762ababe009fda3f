import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { sessions } from '../api/account';
import { Button } from '../parts/Button';
import { Table } from '../parts/Table';
import { sayFailure } from '../parts/Toasts';
import { shownTime } from '../texts';
import { Password } from './Password';

/** Where one is signed in, and the password that it takes. */
export function Sessions() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['sessions'], queryFn: sessions.list });
  const refresh = () => queries.invalidateQueries({ queryKey: ['sessions'] });
  const end = (id: string) => void sessions.end(id).then(refresh, sayFailure);
  return (
    <section className="block">
      <h2>{t('account.sessions')}</h2>
      <Table caption={t('account.sessions')} heads={[t('account.device'), t('account.address'), t('keys.used'), '']}>
        {data?.data.map((session) => (
          <tr key={session.id}>
            <th scope="row" className="agent">
              {session.agent ?? '–'}
            </th>
            <td>{session.address ?? '–'}</td>
            <td>{shownTime(Date.parse(session.last_used_at) / 1000)}</td>
            <td className="table-actions">
              {session.current ? (
                t('account.thisDevice')
              ) : (
                <Button kind="danger" onClick={() => end(session.id)}>
                  {t('signIn.out')}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </Table>
      <Password onChanged={() => void refresh()} />
    </section>
  );
}
