import { useInfiniteQuery } from '@tanstack/react-query';
import { BadgeCheck, Download } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type AuditRecord, admin } from '../api/admin';
import { Button } from '../parts/Button';
import { TextField } from '../parts/Field';
import { MoreButton } from '../parts/MoreButton';
import { saveFile } from '../parts/saveFile';
import { Table } from '../parts/Table';
import { say, sayFailure } from '../parts/Toasts';
import { shownTime } from '../texts';

const WORDS = ['actor', 'action', 'object'] as const;

/** Who did what, to what, when; and whether anybody changed that since. */
export function AuditLog() {
  const { t } = useTranslation();
  const [sought, setSought] = useState({ actor: '', action: '', object: '', since: '', until: '' });
  const log = useInfiniteQuery({
    queryKey: ['audit', sought],
    queryFn: ({ pageParam }) => admin.audit({ ...asked(sought), limit: 50, before: pageParam }),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next_before,
    placeholderData: (before) => before,
  });
  const field = (name: keyof typeof sought, label: string, type = 'text') => (
    <TextField
      key={name}
      label={label}
      type={type}
      value={sought[name]}
      onChange={(event) => setSought({ ...sought, [name]: event.target.value })}
    />
  );
  return (
    <section className="block">
      <search className="row">
        {WORDS.map((name) => field(name, t(`audit.${name}`)))}
        {field('since', t('usage.since'), 'date')}
        {field('until', t('audit.until'), 'date')}
      </search>
      <Checks />
      <Records records={log.data?.pages.flatMap((page) => page.data) ?? []} />
      <MoreButton onMore={log.hasNextPage ? () => void log.fetchNextPage() : null} />
    </section>
  );
}

/** The days that were chosen, here, as points in time; the last is included. */
function asked({ since = '', until = '', ...words }: Record<string, string>) {
  return { ...words, since: midnight(since), until: midnight(until, 1) };
}

/** When the day begins, or one of the next. */
function midnight(day: string, later = 0): string | null {
  if (!day) return null;
  const time = new Date(`${day}T00:00`);
  time.setDate(time.getDate() + later);
  return time.toISOString();
}

/** What shows others that the log is whole. */
function Checks() {
  const { t } = useTranslation();
  const verify = () =>
    void admin.verifyAudit().then(({ records, faults }) => {
      const fault = faults[0];
      if (fault) say(t('audit.broken', { at: fault.index, reason: fault.reason }), 'failure');
      else say(t('audit.whole', { count: records }));
    }, sayFailure);
  const save = () => void admin.exportAudit().then((log) => saveFile('audit.jsonl', log), sayFailure);
  return (
    <div className="row">
      <Button icon={BadgeCheck} onClick={verify}>
        {t('audit.verify')}
      </Button>
      <Button icon={Download} onClick={save}>
        {t('audit.export')}
      </Button>
    </div>
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
