import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useMay } from '../api/account';
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
  const mayChange = useMay('models:manage');
  const { data } = useQuery({
    queryKey: ['models', 'installed'],
    queryFn: admin.models,
    refetchInterval: ({ state }) => soon(state.data?.data),
  });
  const heads = [t('models.choose'), t('models.state'), t('models.size'), t('health.memory'), ''];
  const isAbsent = ({ state }: InstalledModel) => Number(state === 'absent');
  const nearestFirst = data?.data.toSorted((one, other) => isAbsent(one) - isAbsent(other));
  return (
    <section className="block">
      <Table caption={t('console.models')} heads={heads}>
        {nearestFirst?.map((model) => (
          <tr key={model.name}>
            <Name model={model} />
            <State model={model} />
            <td>{shownBytes(model.size)}</td>
            <Memory model={model} />
            <td className="table-actions">{mayChange && <Change model={model} />}</td>
          </tr>
        ))}
      </Table>
      <p className="soft small">{t('models.hint')}</p>
    </section>
  );
}

function Name({ model }: { model: InstalledModel }) {
  const { t } = useTranslation();
  const context = t('models.context', { tokens: t('composer.tokens', { count: model.context }) });
  return (
    <th scope="row">
      {model.name}
      <span className="model-known">
        {t('models.licence', { licence: model.licence })} · {context}
      </span>
    </th>
  );
}

function State({ model }: { model: InstalledModel }) {
  const { t } = useTranslation();
  const failed = model.state === 'failed';
  const reason = model.failure ?? model.unsupported;
  return (
    <td className={failed ? 'stat-bad' : undefined}>
      {t(`models.states.${model.state}`)}
      {model.open_requests > 0 && ` (${shownNumber(model.open_requests)})`}
      {reason && <span className="model-reason small">{reason}</span>}
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
  if (model.state === 'pulling') return <Pull model={model.name} underWay />;
  if (model.state !== 'absent') return <LoadButton model={model} />;
  return model.unsupported ? null : <Pull model={model.name} />;
}
