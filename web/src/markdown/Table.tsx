import type { ComponentProps } from 'react';
import { useTranslation } from 'react-i18next';

/** A table that scrolls by itself when it is wider than the page. */
export function Table({ children }: ComponentProps<'table'>) {
  const { t } = useTranslation();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must reach what scrolls
    <section className="table-scroll" tabIndex={0} aria-label={t('answer.table')}>
      <table>{children}</table>
    </section>
  );
}
