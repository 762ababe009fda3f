import { useQueryClient } from '@tanstack/react-query';
import { Download, Trash2, Upload } from 'lucide-react';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { account } from '../api/account';
import { chats } from '../api/chats';
import { Button } from '../parts/Button';
import { ConfirmDialog } from '../parts/ConfirmDialog';
import { saveFile } from '../parts/saveFile';
import { say, sayFailure } from '../parts/Toasts';
import { Retention } from './Retention';

/** What is kept of one: brought along, taken along, deleted. */
export function Data() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const picker = useRef<HTMLInputElement>(null);
  const [asked, setAsked] = useState(false);
  const refresh = () => queries.invalidateQueries({ queryKey: ['chats'] });
  const bring = (file: File | undefined) => {
    if (!file) return;
    void chats.import(file).then(({ imported, skipped }) => {
      say(t('sidebar.imported', { count: imported.length }));
      for (const { title, reason } of skipped.slice(0, 2)) say(`${title ?? t('chat.untitled')}: ${reason}`, 'failure');
      return refresh();
    }, sayFailure);
  };
  const take = () => void account.export().then((all) => saveFile('galerne-export.zip', all), sayFailure);
  const erase = () =>
    void chats.removeAll().then(({ deleted }) => {
      say(t('data.erased', { count: deleted }));
      return refresh();
    }, sayFailure);
  return (
    <section className="block">
      <h2>{t('data.title')}</h2>
      <p className="soft">{t('data.text')}</p>
      <Retention />
      <div className="row">
        <Button icon={Upload} onClick={() => picker.current?.click()}>
          {t('sidebar.importHint')}
        </Button>
        <input
          ref={picker}
          type="file"
          hidden
          accept=".json,.zip,application/json,application/zip"
          aria-label={t('do.import')}
          onChange={(event) => bring(event.target.files?.[0])}
        />
        <Button icon={Download} onClick={take}>
          {t('data.export')}
        </Button>
        <Button kind="danger" icon={Trash2} onClick={() => setAsked(true)}>
          {t('data.erase')}
        </Button>
      </div>
      {asked && (
        <ConfirmDialog
          title={t('data.eraseTitle')}
          text={t('data.eraseText')}
          action={t('do.delete')}
          onConfirm={erase}
          onClose={() => setAsked(false)}
        />
      )}
    </section>
  );
}
