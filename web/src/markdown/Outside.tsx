import { ImageOff } from 'lucide-react';
import type { ComponentProps } from 'react';
import { useTranslation } from 'react-i18next';

const FOLLOWED = /^(https?:|mailto:)/i;

/** A link that is followed when somebody presses it, in a tab that knows nothing of this one. */
export function Link({ href, children, title }: ComponentProps<'a'>) {
  if (!href || !FOLLOWED.test(href)) return <span>{children}</span>;
  return (
    <a href={href} title={title ?? href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

/** A picture of another host is not loaded: its owner would learn who reads this. Its address is there to follow. */
export function Picture({ src, alt }: ComponentProps<'img'>) {
  const { t } = useTranslation();
  const address = typeof src === 'string' && /^https?:/i.test(src) ? src : null;
  return (
    <span className="picture-note">
      <ImageOff size={16} aria-hidden />
      {alt || t('answer.picture')}
      {address && (
        <a href={address} target="_blank" rel="noopener noreferrer nofollow">
          {hostOf(address)}
        </a>
      )}
    </span>
  );
}

function hostOf(address: string): string {
  try {
    return new URL(address).host;
  } catch {
    return address;
  }
}
