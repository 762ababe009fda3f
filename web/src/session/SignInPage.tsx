import { useQuery } from '@tanstack/react-query';
import type { TFunction } from 'i18next';
import { type FormEvent, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { sessions, useForgetEverything } from '../api/account';
import { ApiError } from '../api/client';
import { Button } from '../parts/Button';
import { TextField } from '../parts/Field';
import { Mark } from '../parts/Mark';
import './SignInPage.css';

/** Email and password; what was asked for is shown as soon as they are right. */
export function SignInPage() {
  const { t } = useTranslation();
  const forget = useForgetEverything();
  const { data: ways } = useQuery({ queryKey: ['sign-in'], queryFn: sessions.ways });
  const [failure, setFailure] = useState(() => refusal(t));
  const [busy, setBusy] = useState(false);
  useEffect(() => history.replaceState(null, '', location.pathname), []); // said once
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    setBusy(true);
    setFailure(null);
    try {
      await sessions.signIn(String(said.get('email')), String(said.get('password')));
      await forget();
    } catch (error) {
      const wrong = error instanceof ApiError && error.status === 401;
      setFailure(wrong ? t('signIn.wrong') : (error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main id="main" tabIndex={-1} className="sign-in">
      <form className="sign-in-box" onSubmit={(event) => void onSubmit(event)}>
        <span className="greeting-mark">
          <Mark size={40} />
        </span>
        <h1>{t('signIn.title')}</h1>
        <TextField label={t('signIn.email')} name="email" type="email" autoComplete="username" required />
        <TextField
          label={t('signIn.password')}
          name="password"
          type="password"
          autoComplete="current-password"
          required
        />
        {failure && (
          <p className="ending ending-failed" role="alert">
            {failure}
          </p>
        )}
        <Button kind="main" type="submit" disabled={busy}>
          {t('signIn.submit')}
        </Button>
        {ways?.oidc && (
          <a className="button button-plain" href={`${ways.oidc.url}?next=${encodeURIComponent(location.pathname)}`}>
            {t('signIn.with', { name: ways.oidc.name })}
          </a>
        )}
      </form>
    </main>
  );
}

/** Why the provider's sign-in led back here, as the address tells. */
function refusal(t: TFunction): string | null {
  switch (new URLSearchParams(location.search).get('refused')) {
    case null:
      return null;
    case 'unavailable':
      return t('signIn.refused.unavailable');
    case 'forbidden':
      return t('signIn.refused.forbidden');
    default:
      return t('signIn.refused.failed');
  }
}
