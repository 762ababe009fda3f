import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LANGUAGES } from '../src/texts/languages';

type Catalogue = { [key: string]: string | Catalogue };

const FOLDER = new URL('../src/texts/', import.meta.url);
const PLURAL = /_(zero|one|two|few|many|other)$/;

const read = (language: string) => JSON.parse(readFileSync(new URL(`${language}.json`, FOLDER), 'utf8')) as Catalogue;

function flat(catalogue: Catalogue, path = ''): Map<string, string> {
  return new Map(
    Object.entries(catalogue).flatMap(([key, value]) =>
      typeof value === 'string' ? [[path + key, value] as const] : [...flat(value, `${path}${key}.`)],
    ),
  );
}

const english = flat(read('en'));
const names = (texts: Map<string, string>) => new Set([...texts.keys()].map((key) => key.replace(PLURAL, '')));
const HOLE = /{{[^}]+}}/g;
const holes = (text = '') => [...text.matchAll(HOLE)].map(([hole]) => hole).sort();

test('there are the official languages of the European Union, and no others', () => {
  expect(Object.keys(LANGUAGES).length).toBe(24);
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  expect(files.sort()).toEqual(
    Object.keys(LANGUAGES)
      .sort()
      .map((language) => `${language}.json`),
  );
});

describe.each(Object.keys(LANGUAGES))('%s', (language) => {
  const texts = flat(read(language));

  test('says everything, and nothing else', () => {
    expect(names(texts)).toEqual(names(english));
    expect([...texts.values()].filter((text) => !text.trim())).toEqual([]);
  });

  test('leaves the same holes', () => {
    for (const [key, text] of texts) {
      const model = english.get(key) ?? english.get(key.replace(PLURAL, '_other'));
      expect([key, holes(text)]).toEqual([key, holes(model)]);
    }
  });

  test('has each of its plural forms', () => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const key of english.keys()) {
      if (key.endsWith('_other'))
        expect(forms.filter((form) => !texts.has(key.replace(PLURAL, `_${form}`)))).toEqual([]);
    }
  });

  test('is not English', () => {
    const same = [...texts].filter(([key, text]) => text.replace(HOLE, '').length > 15 && text === english.get(key));
    if (language !== 'en') expect(same).toEqual([]);
  });
});
