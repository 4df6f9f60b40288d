import { expect, test } from 'vitest'
import { directionOf, languages, languageTags, parseLanguage } from '../../policies/languages.ts'

test('there are the 19 languages of U6, each by a tag in its canonical spelling', () => {
  expect(new Set(languageTags).size).toBe(19)
  expect(Intl.getCanonicalLocales([...languageTags])).toEqual(languageTags)
})

test('names and own names are those that Unicode gives', () => {
  // Those that the product calls by where they are spoken, or writes with a capital, differ.
  const plain = languages.filter(({ tag }) => !/-/.test(tag))
  for (const { tag, name, ownName } of plain) {
    expect(new Intl.DisplayNames('en', { type: 'language' }).of(tag)).toBe(name)
    const own = new Intl.DisplayNames(tag, { type: 'language' }).of(tag)
    expect(own?.toLocaleLowerCase(tag)).toBe(ownName.toLocaleLowerCase(tag))
  }
})

test('Arabic alone is written from right to left', () => {
  expect(languageTags.filter((tag) => directionOf(tag) === 'rtl')).toEqual(['ar'])
})

test.each(['', 'EN', 'en-US', 'pt', 'zh', 'tlh', '__proto__'])(
  '%j is no language of ours',
  (tag) => {
    expect(parseLanguage(tag)).toBeUndefined()
  },
)

test('a tag of ours is read as it is', () => {
  expect(languageTags.map(parseLanguage)).toEqual(languageTags)
})
