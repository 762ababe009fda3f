import type { Key, UsageQuery, UsageSum } from './account';
import { ask, send } from './client';
import { readEvents } from './events';
import type { components } from './schema';

type Schemas = components['schemas'];

export type Invoice = Schemas['InvoiceCard'];
export type User = Schemas['UserCard'];
export type InstalledModel = Schemas['InstalledModel'];

export const ROLES = ['admin', 'billing', 'auditor', 'member', 'guest'] as const;

export const MEASURES = [
  'requests_per_minute',
  'tokens_per_minute',
  'requests_per_month',
  'tokens_per_month',
  'nano_euros_per_month',
  'concurrent_requests',
] as const;
export type Measure = (typeof MEASURES)[number];

export const KINDS = ['input', 'cached', 'output', 'embedding'] as const;
export type Kind = (typeof KINDS)[number];

/** The events of a model that is fetched. */
export type PullEvent =
  | { type: 'pull.progress'; step: string; done: number; total: number | null }
  | { type: 'pull.ended'; model: string }
  | { type: 'pull.failed'; failure: { code: string; message: string } };

/** A record of the audit log is a document of its own. */
export interface AuditRecord {
  index: number;
  time: string;
  actor?: { id?: string; kind?: string } | string | null;
  action: string;
  object?: { id?: string; kind?: string } | string | null;
  outcome?: string;
  [name: string]: unknown;
}

const at = (...parts: string[]) => `/v1/admin/${parts.map(encodeURIComponent).join('/')}`;

/** What administrators, auditors and accountants ask. */
export const admin = {
  users: (page: number, page_size: number) => ask<{ data: User[] }>('GET', at('users'), { query: { page, page_size } }),
  createUser: (user: { email: string; name: string; role: string }) =>
    ask<Schemas['InvitedUser']>('POST', at('users'), { body: user }),
  changeUser: (id: string, changes: { role?: string; disabled?: boolean }) =>
    ask<User>('PATCH', at('users', id), { body: changes }),
  /** Erase for good all that is theirs; gives the signed certificate of it. */
  eraseUser: (user: string) => ask<Record<string, unknown>>('POST', at('erasures'), { body: { user } }),
  keys: (page: number, page_size: number) => ask<{ data: Key[] }>('GET', at('keys'), { query: { page, page_size } }),
  revokeKey: (id: string) => ask<Key>('DELETE', at('keys', id)),
  usage: (query: UsageQuery) => ask<{ data: UsageSum[] }>('GET', at('usage'), { query: { ...query } }),
  limits: () => ask<Schemas['LimitList']>('GET', at('limits')),
  setLimit: (limit: { subject: string; measure: Measure; most: number | null }) =>
    ask<unknown>('PUT', at('limits'), { body: limit }),
  allowedModels: () => ask<Schemas['AllowanceList']>('GET', at('allowed-models')),
  setAllowedModels: (allowed: { subject: string; models: string[] }) =>
    ask<unknown>('PUT', at('allowed-models'), { body: allowed }),
  prices: () => ask<Schemas['PriceList']>('GET', at('prices')),
  setPrice: (price: { model: string; kind: Kind; euros_per_million: string; since: string | null }) =>
    ask<unknown>('PUT', at('prices'), { body: price }),
  setCustomer: (workspace: string, customer: Schemas['Customer']) =>
    ask<unknown>('PUT', at('customers', workspace), { body: customer }),
  issueInvoice: (wanted: { workspace: string; period: string }) =>
    ask<Invoice>('POST', at('invoices'), { body: wanted }),
  creditInvoice: (number: string) => ask<Invoice>('POST', at('invoices', number, 'credit')),
  invoices: () => ask<Schemas['InvoiceList']>('GET', at('invoices')),
  invoicePdf: async (number: string) => (await send('GET', at('invoices', number, 'pdf'))).blob(),
  audit: (query: Record<string, string | number | null>) =>
    ask<{ data: AuditRecord[]; next_before: number | null }>('GET', at('audit'), { query }),
  exportAudit: async () => (await send('GET', at('audit', 'export'))).blob(),
  verifyAudit: () =>
    ask<{ records: number; faults: { index: number; reason: string }[] }>('GET', at('audit', 'verify')),
  /** Fetch a model; tells how far that is. */
  pull: async function* (model: string): AsyncGenerator<PullEvent> {
    for await (const event of readEvents(await send('POST', at('models', model, 'pull')))) yield JSON.parse(event.data);
  },
  models: () => ask<Schemas['InstalledModels']>('GET', at('models')),
  load: (model: string) => ask<InstalledModel>('POST', at('models', model, 'load')),
  /** Load a model, and come back when it answers. */
  loadFully: async (model: string): Promise<void> => {
    let { state, failure } = await admin.load(model);
    while (state === 'loading') {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { data } = await admin.models();
      ({ state, failure } = data.find((each) => each.name === model) ?? { state: 'absent', failure: null });
    }
    if (state !== 'ready') throw new Error(failure ?? model);
  },
  unload: (model: string) => ask<InstalledModel>('POST', at('models', model, 'unload')),
  settings: () => ask<Schemas['SettingList']>('GET', at('settings')),
  health: () => ask<Schemas['Health']>('GET', at('health')),
};
