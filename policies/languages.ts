/** The languages of the console and of mails (U6), by their tags (BCP 47), in the order of their names. */
export const languages = [
  { tag: 'sq', name: 'Albanian', ownName: 'Shqip', direction: 'ltr' },
  { tag: 'ar', name: 'Arabic', ownName: 'العربية', direction: 'rtl' },
  { tag: 'bs', name: 'Bosnian', ownName: 'Bosanski', direction: 'ltr' },
  { tag: 'zh-Hans', name: 'Chinese (Simplified)', ownName: '简体中文', direction: 'ltr' },
  { tag: 'zh-Hant', name: 'Chinese (Traditional)', ownName: '繁體中文', direction: 'ltr' },
  { tag: 'en', name: 'English', ownName: 'English', direction: 'ltr' },
  { tag: 'fr', name: 'French', ownName: 'Français', direction: 'ltr' },
  { tag: 'de', name: 'German', ownName: 'Deutsch', direction: 'ltr' },
  { tag: 'el', name: 'Greek', ownName: 'Ελληνικά', direction: 'ltr' },
  { tag: 'it', name: 'Italian', ownName: 'Italiano', direction: 'ltr' },
  { tag: 'ja', name: 'Japanese', ownName: '日本語', direction: 'ltr' },
  { tag: 'ko', name: 'Korean', ownName: '한국어', direction: 'ltr' },
  {
    tag: 'pt-419',
    name: 'Portuguese (Latin America)',
    ownName: 'Português (América Latina)',
    direction: 'ltr',
  },
  { tag: 'ru', name: 'Russian', ownName: 'Русский', direction: 'ltr' },
  {
    tag: 'es-419',
    name: 'Spanish (Latin America)',
    ownName: 'Español (Latinoamérica)',
    direction: 'ltr',
  },
  { tag: 'sl', name: 'Slovenian', ownName: 'Slovenščina', direction: 'ltr' },
  { tag: 'sv', name: 'Swedish', ownName: 'Svenska', direction: 'ltr' },
  { tag: 'tr', name: 'Turkish', ownName: 'Türkçe', direction: 'ltr' },
  { tag: 'uk', name: 'Ukrainian', ownName: 'Українська', direction: 'ltr' },
] as const

export type Language = (typeof languages)[number]['tag']

export const languageTags: readonly Language[] = languages.map(({ tag }) => tag)

const byTag = new Map<string, (typeof languages)[number]>(languages.map((it) => [it.tag, it]))

/** A language by its tag, as it is stored. */
export const parseLanguage = (tag: string): Language | undefined => byTag.get(tag)?.tag

/** Which way a language is written. */
export const directionOf = (language: Language): 'ltr' | 'rtl' =>
  byTag.get(language)?.direction ?? 'ltr'
