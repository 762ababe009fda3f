/** What the pages say, in one place: a catalogue for each language, of which a browser loads its own. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import en from './en.json';
import { LANGUAGES, type Language } from './languages';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

const KEY = 'galerne.language';
const catalogues = import.meta.glob<{ default: typeof en }>(['./*.json', '!./en.json']);

/** Loads the language that was chosen on this device, or else the first of the browser's that there is. */
export async function startTexts(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false }, // React escapes
    showSupportNotice: false,
  });
  await speak(chosenLanguage());
}

/** Change the language, and keep the choice on this device. */
export async function chooseLanguage(language: Language): Promise<void> {
  localStorage.setItem(KEY, language);
  await speak(language);
}

async function speak(language: Language): Promise<void> {
  const load = catalogues[`./${language}.json`];
  if (load && !i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', (await load()).default);
  }
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

function chosenLanguage(): Language {
  const wanted = [remembered(), ...navigator.languages].map((tag) => tag?.split('-')[0]);
  return (wanted.find((tag) => tag && tag in LANGUAGES) as Language | undefined) ?? 'en';
}

/** The choice that is kept here. Browsers that keep nothing for a frame of another site refuse to be asked. */
function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** The language that is spoken, as it is written where the reader lives, if the browser knows; English as in Europe. */
function locale(): string {
  const { language } = i18next;
  const regional = navigator.languages.find((tag) => tag.startsWith(`${language}-`));
  return regional ?? (language === 'en' ? 'en-GB' : language);
}

/** A point in time, in the words of the language that is spoken. */
export function shownTime(
  seconds: number,
  style: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' },
): string {
  return new Intl.DateTimeFormat(locale(), style).format(seconds * 1000);
}

const LONGEST_IN_UNIT = [
  ['second', 1, 90],
  ['minute', 60, 90 * 60],
  ['hour', 3600, 36 * 3600],
  ['day', 86_400, Number.POSITIVE_INFINITY],
] as const;

/** How far something is ahead: "in 32 seconds", "in 5 days". */
export function shownWait(seconds: number): string {
  const [unit, length] = LONGEST_IN_UNIT.find(([, , most]) => seconds <= most) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(locale()).format(Math.ceil(seconds / length), unit);
}

const TWO_DIGITS: Intl.NumberFormatOptions = { maximumSignificantDigits: 2 };

/** What the server says of a failure, as a sentence of its own. */
export function asSentence(words: string): string {
  return words.charAt(0).toLocaleUpperCase(locale()) + words.slice(1);
}

/** A size: in gigabytes, or megabytes where it is smaller. */
export function shownBytes(bytes: number): string {
  const [value, unit] = bytes >= 1e9 ? [bytes / 1e9, 'gigabyte'] : [bytes / 1e6, 'megabyte'];
  return shownNumber(value, { style: 'unit', unit, maximumSignificantDigits: 3 });
}

/** An amount to the cent; of a very small one, the first two digits that are not 0. */
export function shownEuros(euros: number, style = euros && Math.abs(euros) < 0.1 ? TWO_DIGITS : {}): string {
  return shownNumber(euros, { style: 'currency', currency: 'EUR', ...style });
}

export function shownEnergy(joules: number): string {
  return `${shownNumber(joules / 3600, { maximumSignificantDigits: 3 })} Wh`;
}

export function shownNumber(value: number, style: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(locale(), style).format(value);
}
