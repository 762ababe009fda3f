import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { admin } from '../api/admin';
import { Table } from '../parts/Table';
import { shownBytes, shownNumber } from '../texts';
import { Pull } from './Pull';

/** The models that the catalogue knows: which are here, what they need, and whether this machine has it. */
export function Models() {
  const { t } = useTranslation();
  const { data } = useQuery({ queryKey: ['models', 'installed'], queryFn: admin.models });
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
            <td>{t(`models.states.${model.state}`)}</td>
            <td>{shownBytes(model.size)}</td>
            <td
              className={model.fits ? undefined : 'stat-bad'}
              title={t(model.fits ? 'models.fits' : 'models.tooLarge')}
            >
              {shownBytes(model.memory)}
            </td>
            <td>{shownNumber(model.context)}</td>
            <td>{model.licence}</td>
            <td className="table-actions">
              {model.state === 'absent' && !model.unsupported && <Pull model={model.name} />}
            </td>
          </tr>
        ))}
      </Table>
      <p className="soft small">{t('models.pull')}</p>
    </section>
  );
}
