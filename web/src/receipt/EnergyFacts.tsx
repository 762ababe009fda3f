import { useTranslation } from 'react-i18next';
import { shownNumber } from '../texts';
import { Fact } from './Fact';

/** The energy of an answer with how it is known, and what its making gave off. What is not known is said so, never 0. */
export function EnergyFacts({ energy }: { energy: Record<string, unknown> }) {
  const { t } = useTranslation();
  const joules = (name: string) => {
    const value = energy[name];
    return typeof value === 'number' ? `${shownNumber(value / 1000, { maximumSignificantDigits: 3 })} J` : null;
  };
  const least = joules('millijoules_least');
  const most = joules('millijoules_most');
  const carbon = energy.co2_micrograms;
  return (
    <>
      <Fact name={t('receipt.energy')}>
        {joules('millijoules') ?? t('receipt.unknown')}
        {least && most && ` (${t('receipt.energyRange', { least, most })})`}
        <br />
        <span className="soft small">{t('receipt.method', { method: t(`receipt.methods.${methodOf(energy)}`) })}</span>
      </Fact>
      <Fact name={t('receipt.co2')}>
        {typeof carbon === 'number'
          ? `${shownNumber(carbon / 1000, { maximumSignificantDigits: 3 })} mg`
          : t('receipt.unknown')}
      </Fact>
    </>
  );
}

function methodOf(energy: Record<string, unknown>): 'measured' | 'estimated' | 'unknown' {
  return energy.method === 'measured' || energy.method === 'estimated' ? energy.method : 'unknown';
}
