import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { sessions, useForgetEverything } from '../api/account';
import { Button } from '../parts/Button';
import { TextField } from '../parts/Field';
import { Mark } from '../parts/Mark';
import './SignInPage.css';

/** Sets a password with the word of an invitation, which stands behind the `#`: no server writes that into a log. */
export default function InvitationPage() {
  const { t } = useTranslation();
  const [, navigate] = useLocation();
  const forget = useForgetEverything();
  const [failure, setFailure] = useState<string | null>(null);
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get('password'));
    try {
      await sessions.accept(location.hash.slice(1), password);
      await forget();
      navigate('/', { replace: true });
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return (
    <main id="main" tabIndex={-1} className="sign-in">
      <form className="sign-in-box" onSubmit={(event) => void onSubmit(event)}>
        <span className="greeting-mark">
          <Mark size={40} />
        </span>
        <h1>{t('signIn.choose')}</h1>
        <TextField label={t('signIn.password')} name="password" type="password" autoComplete="new-password" required />
        {failure && (
          <p className="ending ending-failed" role="alert">
            {failure}
          </p>
        )}
        <Button kind="main" type="submit">
          {t('signIn.submit')}
        </Button>
      </form>
    </main>
  );
}
