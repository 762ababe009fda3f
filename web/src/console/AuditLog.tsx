import { useInfiniteQuery } from '@tanstack/react-query';
import { BadgeCheck } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type AuditRecord, admin } from '../api/admin';
import { Button } from '../parts/Button';
import { TextField } from '../parts/Field';
import { Table } from '../parts/Table';
import { say, sayFailure } from '../parts/Toasts';
import { shownTime } from '../texts';

const FIELDS = ['actor', 'action', 'object'] as const;

/** Who did what, to what, when; and whether anybody changed that since. */
export function AuditLog() {
  const { t } = useTranslation();
  const [sought, setSought] = useState({ actor: '', action: '', object: '' });
  const log = useInfiniteQuery({
    queryKey: ['audit', sought],
    queryFn: ({ pageParam }) => admin.audit({ ...sought, limit: 50, before: pageParam }),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next_before,
    placeholderData: (before) => before,
  });
  const verify = () =>
    void admin.verifyAudit().then(({ records, faults }) => {
      const fault = faults[0];
      if (fault) say(t('audit.broken', { at: fault.index, reason: fault.reason }), 'failure');
      else say(t('audit.whole', { count: records }));
    }, sayFailure);
  return (
    <section className="block">
      <div className="row">
        {FIELDS.map((field) => (
          <TextField
            key={field}
            label={t(`audit.${field}`)}
            value={sought[field]}
            onChange={(event) => setSought({ ...sought, [field]: event.target.value })}
          />
        ))}
        <Button icon={BadgeCheck} onClick={verify}>
          {t('audit.verify')}
        </Button>
      </div>
      <Records records={log.data?.pages.flatMap((page) => page.data) ?? []} />
      {log.hasNextPage && <Button onClick={() => void log.fetchNextPage()}>{t('sidebar.more')}</Button>}
    </section>
  );
}

function Records({ records }: { records: readonly AuditRecord[] }) {
  const { t } = useTranslation();
  if (!records.length) return <p className="soft">{t('audit.none')}</p>;
  return (
    <Table
      caption={t('console.audit')}
      heads={[t('audit.time'), t('audit.actor'), t('audit.action'), t('audit.object')]}
    >
      {records.map((record) => (
        <tr key={record.index}>
          <td>{shownTime(Date.parse(record.time) / 1000)}</td>
          <td>{nameOf(record.actor)}</td>
          <th scope="row">{record.action}</th>
          <td>{nameOf(record.object)}</td>
        </tr>
      ))}
    </Table>
  );
}

function nameOf(thing: AuditRecord['actor']): string {
  if (!thing) return '–';
  return typeof thing === 'string' ? thing : [thing.kind, thing.id].filter(Boolean).join(' ');
}
