import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { sessions } from '../api/account';
import { Button } from '../parts/Button';
import { TextField } from '../parts/Field';
import { say } from '../parts/Toasts';

/** Another password, for whoever knows the one of now. */
export function Password({ onChanged }: { onChanged: () => void }) {
  const { t } = useTranslation();
  const [failure, setFailure] = useState<string | null>(null);
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    try {
      await sessions.changePassword(String(said.get('current')), String(said.get('new')));
      setFailure(null);
      form.reset();
      say(t('account.passwordChanged'));
      onChanged();
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return (
    <form className="row" onSubmit={(event) => void onSubmit(event)}>
      <TextField
        label={t('account.currentPassword')}
        name="current"
        type="password"
        autoComplete="current-password"
        required
      />
      <TextField label={t('account.newPassword')} name="new" type="password" autoComplete="new-password" required />
      <Button kind="main" type="submit">
        {t('account.password')}
      </Button>
      {failure && (
        <p className="ending ending-failed" role="alert">
          {failure}
        </p>
      )}
    </form>
  );
}
