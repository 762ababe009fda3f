import { useTranslation } from 'react-i18next';
import { ChoiceField } from '../parts/Field';
import { chooseTheme, type Theme, useTheme } from '../parts/theme';
import { chooseLanguage } from '../texts';
import { LANGUAGES, type Language, REVIEWED } from '../texts/languages';

/** Theme and language; this device remembers them. */
export function Look() {
  const { t, i18n } = useTranslation();
  const theme = useTheme();
  const themes = (['system', 'light', 'dark'] as const).map((each) => [each, t(`account.${each}`)] as const);
  return (
    <section className="block">
      <h2>{t('account.look')}</h2>
      <div className="row">
        <ChoiceField
          label={t('account.theme')}
          choices={themes}
          value={theme}
          onChange={(event) => chooseTheme(event.target.value as Theme)}
        />
        <ChoiceField
          label={t('account.language')}
          hint={REVIEWED.includes(i18n.language) ? null : t('account.unreviewed')}
          choices={Object.entries(LANGUAGES)}
          value={i18n.language}
          onChange={(event) => void chooseLanguage(event.target.value as Language)}
        />
      </div>
    </section>
  );
}
