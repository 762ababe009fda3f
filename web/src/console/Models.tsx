import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useMe } from '../api/account';
import { admin, type InstalledModel } from '../api/admin';
import { Table } from '../parts/Table';
import { shownBytes, shownNumber } from '../texts';
import { LoadButton } from './LoadButton';
import { Pull } from './Pull';

/** How soon the models are asked for again, in ms: while one changes, and otherwise. */
const soon = (models: InstalledModel[] | undefined) =>
  models?.some((model) => ['pulling', 'loading', 'unloading'].includes(model.state)) ? 1000 : 5000;

/** The models that the catalogue knows: which are here, which are loaded, what they need, and what they take. */
export function Models() {
  const { t } = useTranslation();
  const me = useMe();
  const mayChange = me !== null && me !== 'nobody' && me.permissions.includes('models:manage');
  const { data } = useQuery({
    queryKey: ['models', 'installed'],
    queryFn: admin.models,
    refetchInterval: ({ state }) => soon(state.data?.data),
  });
  const heads = [
    t('models.choose'),
    t('models.state'),
    t('models.size'),
    t('health.memory'),
    t('models.contextName'),
    t('models.licenceName'),
    '',
  ];
  return (
    <section className="block">
      <Table caption={t('console.models')} heads={heads}>
        {data?.data.map((model) => (
          <tr key={model.name}>
            <th scope="row">{model.name}</th>
            <State model={model} />
            <td>{shownBytes(model.size)}</td>
            <Memory model={model} />
            <td>{shownNumber(model.context)}</td>
            <td>{model.licence}</td>
            <td className="table-actions">{mayChange && <Change model={model} />}</td>
          </tr>
        ))}
      </Table>
      <p className="soft small">{t('models.hint')}</p>
    </section>
  );
}

function State({ model }: { model: InstalledModel }) {
  const { t } = useTranslation();
  const failed = model.state === 'failed';
  return (
    <td className={failed ? 'stat-bad' : undefined} title={model.failure ?? undefined}>
      {t(`models.states.${model.state}`)}
      {model.open_requests > 0 && ` (${shownNumber(model.open_requests)})`}
      {failed && <span className="models-failure small">{model.failure}</span>}
    </td>
  );
}

/** What its engine has of what it may need. */
function Memory({ model }: { model: InstalledModel }) {
  const { t } = useTranslation();
  return (
    <td className={model.fits ? undefined : 'stat-bad'} title={t(model.fits ? 'models.fits' : 'models.tooLarge')}>
      {model.resident !== null && `${shownBytes(model.resident)} / `}
      {shownBytes(model.memory)}
    </td>
  );
}

function Change({ model }: { model: InstalledModel }) {
  if (model.state === 'absent') return model.unsupported ? null : <Pull model={model.name} />;
  return model.state === 'pulling' ? null : <LoadButton model={model} />;
}
