import { describe, expect, test } from 'vitest'
import { mail as english } from '../../../admin/texts/mail-en.ts'
import { createMailTexts, readMailTexts } from '../../../admin/texts/mail-texts.ts'
import { languageTags, type Language } from '../../../policies/languages.ts'

const category = /_(zero|one|two|few|many|other)$/

/** Every wording with its path: `pin.validity_one`. */
const flatten = (texts: object, path = ''): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(texts).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'string'
        ? [[`${path}${key}`, value]]
        : [...flatten(value as object, `${path}${key}.`)],
    ),
  )

const namesIn = (text: string): string[] =>
  [...text.matchAll(/\{\{([^{}]+)\}\}/g)].map(([, name]) => name ?? '').sort()

const inEnglish = flatten(english)
const baseOf = (key: string): string => key.replace(category, '')
const bases = new Set([...inEnglish.keys()].map(baseOf))

const scripts: Partial<Record<Language, RegExp>> = {
  ar: /\p{sc=Arabic}/u,
  el: /\p{sc=Greek}/u,
  ja: /[\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Han}]/u,
  ko: /\p{sc=Hangul}/u,
  ru: /\p{sc=Cyrillic}/u,
  uk: /\p{sc=Cyrillic}/u,
  'zh-Hans': /\p{sc=Han}/u,
  'zh-Hant': /\p{sc=Han}/u,
}

describe.each(languageTags)('%s', (language) => {
  test('has every wording, and fills in what English does', async () => {
    const texts = flatten(await readMailTexts(language))
    expect(new Set([...texts.keys()].map(baseOf))).toEqual(bases)
    for (const [key, text] of texts) {
      const source = inEnglish.get(key) ?? inEnglish.get(`${baseOf(key)}_other`) ?? ''
      expect(namesIn(text), key).toEqual(namesIn(source))
      expect(text, key).toBe(text.trim())
      expect(text, key).not.toMatch(/[<>&"\n]|\$t\(/)
    }
  })

  test('has a wording for every count', async () => {
    const texts = flatten(await readMailTexts(language))
    const rules = new Intl.PluralRules(language)
    const plurals = [...texts.keys()].filter((key) => key.endsWith('_other')).map(baseOf)
    expect(plurals).toHaveLength(3)
    const needed = new Set(Array.from({ length: 1_001 }, (_, count) => rules.select(count)))
    for (const base of plurals)
      for (const name of needed) expect(texts.has(`${base}_${name}`), `${base}_${name}`).toBe(true)
    const [say, other] = [await createMailTexts()(language), rules.resolvedOptions()]
    for (const count of [0, 1, 2, 3, 5, 11, 21, 100, 101, 1_000_000])
      expect(say('pin.validity', { count })).toContain(String(count))
    const known = new Set<string>(other.pluralCategories)
    for (const key of texts.keys()) {
      const [, name] = category.exec(key) ?? []
      if (name !== undefined) expect(known.has(name), key).toBe(true)
    }
  })
})

test.each(languageTags.filter((tag) => tag !== 'en'))('%s is not English', async (language) => {
  const texts = flatten(await readMailTexts(language))
  const script = scripts[language] ?? /\p{sc=Latin}/u
  for (const [key, text] of texts) {
    const isSentence = text.replace(/\{\{.*?\}\}/g, '').length > 16
    if (isSentence) expect(text, key).toMatch(script)
    if (isSentence) expect(text, key).not.toBe(inEnglish.get(key))
  }
})

test('what is filled in is neither a key, nor a place to fill in, nor a line of its own', async () => {
  const say = await createMailTexts()('en')
  expect(say('hello', { name: '$t(once) {{name}} {{site}}' })).toBe(
    'Hello $t(once) {{name}} {{site}},',
  )
  expect(say('hello', { name: 'Eve\r\n\r\nYour account\u2028is \u202elocked' })).toBe(
    'Hello Eve Your account is  locked,',
  )
})

test('in Arabic, what is filled in keeps its own direction', async () => {
  const say = await createMailTexts()('ar')
  expect(say('support', { support: 'help@example.com' })).toContain('\u2068help@example.com\u2069')
})

test('a wording that is missing is a failure, never a gap', async () => {
  const say: (key: never) => string = await createMailTexts()('en')
  expect(() => say('no.such.key' as never)).toThrow('no.such.key')
})
