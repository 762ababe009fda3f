import { Code2, FileText, Lightbulb, type LucideIcon, Mail } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Mark } from '../parts/Mark';
import './Greeting.css';

const STARTS = [
  ['draft', Mail],
  ['explain', Lightbulb],
  ['summarise', FileText],
  ['code', Code2],
] as const satisfies readonly (readonly [string, LucideIcon])[];

interface GreetingProps {
  temporary: boolean;
  onStart: (draft: string) => void;
}

/** An empty chat: a word of welcome, and beginnings for whoever does not know how to begin. */
export function Greeting({ temporary, onStart }: GreetingProps) {
  const { t } = useTranslation();
  return (
    <div className="greeting">
      <span className="greeting-mark">
        <Mark size={44} />
      </span>
      <h1>{temporary ? t('greeting.temporary') : t('greeting.title')}</h1>
      {temporary && <p className="soft">{t('greeting.temporaryHint')}</p>}
      <div className="starts">
        {STARTS.map(([name, Icon]) => (
          <button key={name} type="button" className="start" onClick={() => onStart(t(`greeting.${name}Text`))}>
            <Icon size={17} aria-hidden />
            {t(`greeting.${name}`)}
          </button>
        ))}
      </div>
    </div>
  );
}
