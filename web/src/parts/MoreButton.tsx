import { useTranslation } from 'react-i18next';
import { Button } from './Button';

/** Shows more of a long list; not there when all of it is shown. */
export function MoreButton({ onMore }: { onMore: (() => void) | null }) {
  const { t } = useTranslation();
  return onMore && <Button onClick={onMore}>{t('sidebar.more')}</Button>;
}
