import type { Language } from '../../policies/languages.ts'
import { writeInstant } from '../texts/instants.ts'
import type { MailKey, Say } from '../texts/mail-texts.ts'
import type { Block, Draft } from './layout.ts'

/** How a draft is worded: in whose language, and when by whose clock. */
export type Pen = {
  readonly say: Say
  readonly language: Language
  readonly timeZone: string
}

export type Label = MailKey extends infer Key
  ? Key extends `label.${infer Name}`
    ? Name
    : never
  : never

/** What is told of an event; an instant in ms since the epoch. */
export type Facts = Partial<Readonly<Record<Label, string | number | null | undefined>>>

/** A page of ours by which something is done, and until when it works. */
export type Link = { readonly link: string; readonly validUntil: number }

export const line = (text: string): Block => ({ kind: 'line', text })

/** `Label: value`, one below the other; what is not known is left out. */
export const factsOf = ({ say, language, timeZone }: Pen, facts: Facts): readonly Block[] => {
  const labels = Object.keys(facts) as Label[]
  const lines = labels.flatMap((label) => {
    const fact = facts[label]
    if (fact === null || fact === undefined || fact === '') return []
    const value = typeof fact === 'number' ? writeInstant(fact, language, timeZone) : fact
    return [say('fact', { label: say(`label.${label}`), value })]
  })
  return lines.length === 0 ? [] : [{ kind: 'facts', lines }]
}

/** A link with what it is good for, and how long. */
export const linkOf = (pen: Pen, label: string, { link, validUntil }: Link): readonly Block[] => [
  { kind: 'link', label, url: link },
  ...factsOf(pen, { validUntil }),
  line(pen.say('once')),
]

/** A letter around what it tells: greeting above, who sent it and whom to ask below. */
export const frame = (
  { say }: Pen,
  draft: Draft,
  { name, site, support }: { name: string; site: string; support: string | undefined },
): Draft => ({
  subject: draft.subject,
  blocks: [
    line(name === '' ? say('helloUnnamed') : say('hello', { name })),
    ...draft.blocks,
    ...(support === undefined ? [] : [line(say('support', { support }))]),
    line(say('automatic', { site })),
  ],
})

const isEastAsian = /^[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}ー々]+$/u

/** How someone is addressed: names in Chinese, Japanese or Korean writing begin with the family's. */
export const nameOf = ({
  firstName,
  lastName,
  username,
}: {
  readonly firstName: string
  readonly lastName: string
  readonly username: string
}): string => {
  const [first, last] = [firstName.trim(), lastName.trim()]
  if (isEastAsian.test(first) && isEastAsian.test(last))
    return /\p{sc=Hangul}/u.test(last) ? `${last}${first}` : `${last} ${first}`
  return [first, last].filter((part) => part !== '').join(' ') || username
}
