import { useTranslation } from 'react-i18next';
import { type Me, sessions, useForgetEverything, useMay, useMe } from '../api/account';
import { Button } from '../parts/Button';
import { sayFailure } from '../parts/Toasts';
import { Topbar } from '../shell/Topbar';
import { Data } from './Data';
import { Keys } from './Keys';
import { Look } from './Look';
import { OwnUsage } from './OwnUsage';
import { Sessions } from './Sessions';
import './AccountPage.css';

/** What is one's own: how it looks, keys, usage, what is kept. */
export default function AccountPage() {
  const { t } = useTranslation();
  const me = useMe();
  const mayUse = useMay('usage:own');
  const mayHaveKeys = useMay('keys:own');
  return (
    <>
      <Topbar title={t('account.title')} />
      <main id="main" tabIndex={-1} className="sheet">
        {me && me !== 'nobody' && <Who me={me} />}
        <Look />
        {mayUse && <OwnUsage />}
        {mayHaveKeys && <Keys />}
        {me && me !== 'nobody' && me.auth !== 'open' && <Sessions />}
        <Data />
      </main>
    </>
  );
}

function Who({ me }: { me: Me }) {
  const { t } = useTranslation();
  const forget = useForgetEverything();
  const signOut = () => void sessions.signOut().then(forget, sayFailure);
  return (
    <section className="block who">
      <div>
        <h2>{me.name}</h2>
        <p className="soft small">
          {[me.email, t(`roles.${me.role as 'admin'}`), me.workspace.name ?? me.workspace.id]
            .filter(Boolean)
            .join(' · ')}
        </p>
      </div>
      {me.auth !== 'open' && <Button onClick={signOut}>{t('signIn.out')}</Button>}
    </section>
  );
}
