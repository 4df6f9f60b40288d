import { createInstance } from 'i18next'
import { directionOf, type Language } from '../../policies/languages.ts'
import type { mail as english, MailTexts } from './mail-en.ts'
import type { KeyOf, ValuesAt } from './plural-keys.ts'

type English = typeof english

export type MailKey = KeyOf<English>

/** The wording of a key in one language, with what it wants filled in. Throws on a missing key. */
export type Say = <Key extends MailKey>(key: Key, ...values: ValuesAt<English, Key>) => string

/** Each language is read when it is first spoken. */
const readers: Readonly<Record<Language, () => Promise<{ readonly mail: MailTexts }>>> = {
  sq: () => import('./mail-sq.ts'),
  ar: () => import('./mail-ar.ts'),
  bs: () => import('./mail-bs.ts'),
  'zh-Hans': () => import('./mail-zh-hans.ts'),
  'zh-Hant': () => import('./mail-zh-hant.ts'),
  en: () => import('./mail-en.ts'),
  fr: () => import('./mail-fr.ts'),
  de: () => import('./mail-de.ts'),
  el: () => import('./mail-el.ts'),
  it: () => import('./mail-it.ts'),
  ja: () => import('./mail-ja.ts'),
  ko: () => import('./mail-ko.ts'),
  'pt-419': () => import('./mail-pt-419.ts'),
  ru: () => import('./mail-ru.ts'),
  'es-419': () => import('./mail-es-419.ts'),
  sl: () => import('./mail-sl.ts'),
  sv: () => import('./mail-sv.ts'),
  tr: () => import('./mail-tr.ts'),
  uk: () => import('./mail-uk.ts'),
}

export const readMailTexts = async (language: Language): Promise<MailTexts> =>
  (await readers[language]()).mail

/** Line breaks, and marks that turn the direction of what follows. */
const unruly = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** A value as part of a sentence: one line, and in Arabic in its own direction (UAX #9 §2.4). */
const tame = (value: string | number, language: Language): string | number => {
  if (typeof value === 'number') return value
  const line = value.replace(unruly, ' ')
  return directionOf(language) === 'rtl' ? `\u2068${line}\u2069` : line
}

/** What mails say, in the language asked for; values are plain text, never keys or markup. */
export const createMailTexts = (): ((language: Language) => Promise<Say>) => {
  const spoken = createInstance({
    initAsync: false,
    lng: 'en',
    fallbackLng: false,
    ns: ['mail'],
    defaultNS: 'mail',
    resources: {},
    interpolation: { escapeValue: false, skipOnVariables: true },
    parseMissingKeyHandler: (key) => {
      throw new Error(`no wording for ${key}`)
    },
  })
  const isReady = spoken.init()
  return async (language) => {
    await isReady
    if (!spoken.hasResourceBundle(language, 'mail'))
      spoken.addResourceBundle(language, 'mail', await readMailTexts(language))
    const wording = spoken.getFixedT(language, 'mail')
    return (key, ...[values = {}]) => {
      const given: Readonly<Record<string, string | number>> = values
      const replace = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [name, tame(value, language)]),
      )
      const { count } = given
      const path: string = key
      return wording(path, { replace, ...(typeof count === 'number' ? { count } : {}) })
    }
  }
}
