import { renderMermaidSVG } from 'beautiful-mermaid';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useIsDark } from '../parts/theme';
import { Highlighted } from './Highlighted';

const INKS = {
  light: { bg: '#ffffff', fg: '#1a1d1f', accent: '#17606f', muted: '#565d61' },
  dark: { bg: '#1c2022', fg: '#e9ebeb', accent: '#7cc7d5', muted: '#a3abaf' },
};

/** A diagram, drawn as an image: whatever is in it, an image runs nothing and loads nothing. */
export default function Diagram({ code }: { code: string }) {
  const { t } = useTranslation();
  const dark = useIsDark();
  const drawn = useMemo(() => draw(code, dark), [code, dark]);
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!drawn) return;
    const made = URL.createObjectURL(new Blob([drawn], { type: 'image/svg+xml' }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [drawn]);
  if (!drawn) return <Highlighted code={code} language="" />;
  return (
    <>
      {address && <img className="diagram" src={address} alt={t('answer.diagram')} />}
      <details className="diagram-source">
        <summary>{t('answer.diagramSource')}</summary>
        <Highlighted code={code} language="" />
      </details>
    </>
  );
}

/** Null for what is no diagram of a kind that is known. */
function draw(code: string, dark: boolean): string | null {
  try {
    return renderMermaidSVG(code, { ...INKS[dark ? 'dark' : 'light'], font: 'system-ui' });
  } catch {
    return null;
  }
}
