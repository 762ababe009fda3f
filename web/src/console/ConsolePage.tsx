import { useTranslation } from 'react-i18next';
import { Link, Redirect, useRoute } from 'wouter';
import { useMe } from '../api/account';
import { Topbar } from '../shell/Topbar';
import { AllKeys } from './AllKeys';
import { AuditLog } from './AuditLog';
import { Health } from './Health';
import { Invoices } from './Invoices';
import { Models } from './Models';
import { Settings } from './Settings';
import { Terms } from './Terms';
import { Usage } from './Usage';
import { Users } from './Users';
import './ConsolePage.css';
import '../account/AccountPage.css';

const PARTS = [
  { name: 'usage', needs: 'usage:read', Part: Usage },
  { name: 'users', needs: 'users:read', Part: Users },
  { name: 'keys', needs: 'keys:manage', Part: AllKeys },
  { name: 'terms', needs: 'billing:read', Part: Terms },
  { name: 'invoices', needs: 'billing:read', Part: Invoices },
  { name: 'models', needs: 'settings:read', Part: Models },
  { name: 'audit', needs: 'audit:read', Part: AuditLog },
  { name: 'health', needs: 'settings:read', Part: Health },
  { name: 'settings', needs: 'settings:read', Part: Settings },
] as const;

/** The console: what those see who look after the house, each what they may. */
export default function ConsolePage() {
  const { t } = useTranslation();
  const me = useMe();
  const [, params] = useRoute('/console/:part');
  if (!me || me === 'nobody') return null;
  const parts = PARTS.filter((part) => me.permissions.includes(part.needs));
  const shown = parts.find((part) => part.name === params?.part);
  if (!shown) return parts[0] ? <Redirect to={`/console/${parts[0].name}`} replace /> : <Closed />;
  return (
    <>
      <Topbar title={t('sidebar.console')} />
      <nav className="console-nav" aria-label={t('sidebar.console')}>
        {parts.map(({ name }) => (
          <Link
            key={name}
            href={`/console/${name}`}
            ref={name === shown.name ? intoView : undefined}
            aria-current={name === shown.name ? 'page' : undefined}
          >
            {t(`console.${name}`)}
          </Link>
        ))}
      </nav>
      <main id="main" tabIndex={-1} className="sheet sheet-wide" key={shown.name}>
        <shown.Part />
      </main>
    </>
  );
}

/** What those see who may see nothing of it. */
function Closed() {
  const { t } = useTranslation();
  return (
    <>
      <Topbar title={t('sidebar.console')} />
      <main id="main" tabIndex={-1} className="sheet">
        <p>{t('app.noConsole')}</p>
      </main>
    </>
  );
}

/** On a narrow screen the row of parts is longer than that. */
function intoView(link: HTMLElement | null): void {
  link?.scrollIntoView({ block: 'nearest', inline: 'center' });
}
