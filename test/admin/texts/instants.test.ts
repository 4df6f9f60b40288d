import { expect, test } from 'vitest'
import { writeInstant } from '../../../admin/texts/instants.ts'
import { languageTags } from '../../../policies/languages.ts'

const noon = Date.UTC(2027, 0, 15, 12, 30)

test('an instant is written in the language, by the clock of the time zone', () => {
  expect(writeInstant(noon, 'en', 'America/New_York')).toMatch(/January 15, 2027.*7:30.AM EST/)
  expect(writeInstant(noon, 'de', 'Europe/Berlin')).toMatch(/15\. Januar 2027.*13:30 MEZ/)
  expect(writeInstant(noon, 'ja', 'Asia/Tokyo')).toMatch(/2027年1月15日 21:30/)
})

test('a time zone that is not known is UTC, and says so', () => {
  expect(writeInstant(noon, 'en', 'Mars/Olympus')).toMatch(/12:30.PM UTC/)
})

test.each(languageTags)('%s: day, year and minutes stand in digits that everybody reads', (tag) => {
  const written = writeInstant(noon, tag, 'UTC')
  for (const part of ['15', '2027', '12:30']) expect(written).toContain(part)
})
