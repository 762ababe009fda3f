import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { Route, Switch } from 'wouter';
import { ChatPage } from './chat/ChatPage';
import { Toasts } from './parts/Toasts';
import { Shell } from './shell/Shell';

const SharedPage = lazy(() => import('./shared/SharedPage'));

/** Which page an address shows. The addresses are those that api/pages.py serves. */
export function App() {
  return (
    <Suspense fallback={<Loading />}>
      <Switch>
        <Route path="/shared/:token">{({ token }) => <SharedPage token={token} />}</Route>
        <Route>
          <Shell>
            <Suspense fallback={<Loading />}>
              <Switch>
                <Route path="/temporary">
                  <ChatPage key="temporary" id={null} temporary />
                </Route>
                <Route path="/chats/:id">{({ id }) => <ChatPage key={id} id={id} />}</Route>
                <Route>
                  <ChatPage key="new" id={null} />
                </Route>
              </Switch>
            </Suspense>
          </Shell>
        </Route>
      </Switch>
      <Toasts />
    </Suspense>
  );
}

function Loading() {
  const { t } = useTranslation();
  return (
    <p className="loading" role="status">
      {t('app.loading')}
    </p>
  );
}
