import { useTranslation } from 'react-i18next';
import { useModels } from '../api/models';
import { Table } from '../parts/Table';
import { shownNumber } from '../texts';

/** The models that answer here. */
export function Models() {
  const { t } = useTranslation();
  const models = useModels();
  const heads = [
    t('models.choose'),
    t('models.owner'),
    t('models.licenceName'),
    t('models.contextName'),
    t('receipt.digest'),
  ];
  return (
    <section className="block">
      <Table caption={t('console.models')} heads={heads}>
        {models?.map((model) => (
          <tr key={model.id}>
            <th scope="row">{model.id}</th>
            <td>{model.owned_by}</td>
            <td>{model.licence ?? t('models.unknownLicence')}</td>
            <td>{shownNumber(model.max_context_length)}</td>
            <td>
              <code title={model.sha256}>{model.sha256.slice(0, 16)}…</code>
            </td>
          </tr>
        ))}
      </Table>
      <p className="soft small">{t('models.pull')}</p>
    </section>
  );
}
