import { useQueryClient } from '@tanstack/react-query';
import { FolderPlus } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { folders } from '../api/chats';
import { Button } from '../parts/Button';
import { NameDialog } from '../parts/NameDialog';
import { sayFailure } from '../parts/Toasts';

export function NewFolder() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const create = (name: string) =>
    void folders.create(name).then(() => queries.invalidateQueries({ queryKey: ['folders'] }), sayFailure);
  return (
    <>
      <Button kind="quiet" icon={FolderPlus} className="new-folder" onClick={() => setOpen(true)}>
        {t('sidebar.newFolder')}
      </Button>
      {open && (
        <NameDialog
          title={t('sidebar.newFolder')}
          label={t('sidebar.folderName')}
          name=""
          onName={create}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}
