import { lazy, type ReactNode, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { Route, Switch } from 'wouter';
import { useMe } from './api/account';
import { ChatPage } from './chat/ChatPage';
import { Toasts } from './parts/Toasts';
import { SignInPage } from './session/SignInPage';
import { Shell } from './shell/Shell';

const AccountPage = lazy(() => import('./account/AccountPage'));
const ArchivePage = lazy(() => import('./sidebar/ArchivePage'));
const ConsolePage = lazy(() => import('./console/ConsolePage'));
const EmbedPage = lazy(() => import('./embed/EmbedPage'));
const InvitationPage = lazy(() => import('./session/InvitationPage'));
const SharedPage = lazy(() => import('./shared/SharedPage'));

/** Which page an address shows. The addresses are those that api/pages.py serves. */
export function App() {
  return (
    <Suspense fallback={<Loading />}>
      <Switch>
        <Route path="/invitation">
          <InvitationPage />
        </Route>
        <Route path="/embed">
          <EmbedPage />
        </Route>
        <Route path="/shared/:token">{({ token }) => <SharedPage token={token} />}</Route>
        <Route>
          <SignedIn>
            <Shell>
              <Suspense fallback={<Loading />}>
                <Switch>
                  <Route path="/temporary">
                    <ChatPage key="temporary" id={null} temporary />
                  </Route>
                  <Route path="/account">
                    <AccountPage />
                  </Route>
                  <Route path="/archive">
                    <ArchivePage />
                  </Route>
                  <Route path="/console/*?">
                    <ConsolePage />
                  </Route>
                  <Route path="/chats/:id">{({ id }) => <ChatPage key={id} id={id} />}</Route>
                  <Route>
                    <ChatPage key="new" id={null} />
                  </Route>
                </Switch>
              </Suspense>
            </Shell>
          </SignedIn>
        </Route>
      </Switch>
      <Toasts />
    </Suspense>
  );
}

/** Its children, for whoever the server knows; the others sign in. */
function SignedIn({ children }: { children: ReactNode }) {
  const me = useMe();
  return me === 'nobody' ? <SignInPage /> : children;
}

function Loading() {
  const { t } = useTranslation();
  return (
    <p className="loading" role="status">
      {t('app.loading')}
    </p>
  );
}
