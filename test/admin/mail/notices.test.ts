import { describe, expect, test } from 'vitest'
import type { Mail } from '../../../admin/mail/mail.ts'
import { createNotices } from '../../../admin/mail/notices.ts'
import { directionOf, languageTags, type Language } from '../../../policies/languages.ts'
import {
  at,
  collectNotices,
  everyNotice,
  linkGiven,
  pin,
  publicUrl,
  reader,
  token,
} from '../../support/notices.ts'

const withLink = new Set([
  'account created',
  'invite',
  'unlocked',
  'e-mail verification',
  'password reset',
])

const collect = async (name: string, language: Language): Promise<readonly Mail[]> => {
  const { notices, mails } = collectNotices()
  await everyNotice[name]?.(notices, { ...reader, language })
  return mails
}

const unescape = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

/** What a reader of the HTML sees. */
const shown = (html: string): string =>
  unescape(html.replace(/<head>[\s\S]*<\/head>/, '').replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ')

describe.each(Object.keys(everyNotice))('%s', (name) => {
  test.each(languageTags)('in %s: whole, escaped, and nothing from elsewhere', async (language) => {
    const mails = await collect(name, language)
    expect(mails.length).toBeGreaterThan(0)
    for (const { subject, text, html, language: marked } of mails) {
      expect(marked).toBe(language)
      expect(subject).not.toMatch(/[\r\n<>{}]|^$/)
      expect(text.replaceAll('{{link}}', '')).not.toMatch(/\{\{|\}\}|\b(undefined|null)\b|\[object/)
      expect(html).toContain(`<html lang="${language}" dir="${directionOf(language)}">`)
      expect(html).toContain(`<title>${subject}</title>`)
      expect(html).not.toMatch(/<(b|i|d|script|img|link|iframe|object|Sons|prod|ann)\b|src=|url\(/i)
      // Both bodies say the same, but for the hint below a link.
      for (const line of text.split('\n').filter((line) => line.trim() !== ''))
        expect(shown(html)).toContain(line.replace(/\s+/g, ' ').trim())
    }
  })

  test.each(languageTags)('in %s: no secret but its link or PIN', async (language) => {
    for (const { subject, text, html } of await collect(name, language)) {
      expect(subject).not.toContain(token)
      expect(subject).not.toContain(pin)
      const addresses = [text, unescape(html)].flatMap(
        (body) => body.match(/https?:\/\/[^\s"<>]+/g) ?? [],
      )
      expect(new Set(addresses)).toEqual(new Set(withLink.has(name) ? [linkGiven] : []))
      if (withLink.has(name)) expect(text.split('\n')).toContain(linkGiven)
      expect(text.split('\n').includes(pin)).toBe(name === 'PIN')
    }
  })

  test('each language has words of its own', async () => {
    const bodies = await Promise.all(languageTags.map((language) => collect(name, language)))
    expect(new Set(bodies.map(([mail]) => mail?.subject)).size).toBeGreaterThanOrEqual(18)
    expect(new Set(bodies.map(([mail]) => mail?.text)).size).toBe(languageTags.length)
  })
})

test('a name is greeted as it is written, and escaped where it is markup', async () => {
  const [mail] = await collect('new device', 'en')
  expect(mail?.text).toContain(`Hello <b>&" O'Neil {{link}},`)
  expect(mail?.html).toContain('Hello &lt;b&gt;&amp;&quot; O&#39;Neil {{link}},')
})

test.each([
  ['Ana', 'Horvat', 'Hello Ana Horvat,'],
  ['', '', 'Hello rea<d>er&",'],
  ['太郎', '山田', 'Hello 山田 太郎,'],
  ['민수', '김', 'Hello 김민수,'],
])('%s %s is greeted in the order of that writing', async (firstName, lastName, greeting) => {
  const { notices, mails } = collectNotices()
  await notices.passwordChanged({ ...reader, firstName, lastName }, { at })
  expect(mails[0]?.text.split('\n')[0]).toBe(greeting)
})

test.each(Object.keys(everyNotice).filter((name) => name !== 'deletion requested'))(
  '%s: a disabled user receives nothing (U4)',
  async (name) => {
    const { notices, mails } = collectNotices()
    const noticed = await everyNotice[name]?.(notices, { ...reader, enabled: false })
    expect(new Set([noticed].flat())).toEqual(new Set(['nobody']))
    expect(mails).toEqual([])
  },
)

test('a user without an address receives nothing', async () => {
  const { notices, mails } = collectNotices()
  expect(await notices.passwordChanged({ ...reader, email: null }, { at })).toBe('nobody')
  expect(mails).toEqual([])
})

test('a changed address is told at the old and at the new one, and shown to neither in full', async () => {
  const mails = await collect('e-mail changed', 'en')
  expect(mails.map(({ to }) => to)).toEqual(['old@example.com', 'new@example.com'])
  for (const { text } of mails) {
    expect(text).toContain('n***@example.com')
    expect(text).not.toContain('new@example.com')
  }
  const [mobile] = await collect('mobile changed', 'en')
  expect(mobile?.text).toContain('+38********67')
})

test('an address is verified where it is, not where the user was', async () => {
  const [mail] = await collect('e-mail verification', 'en')
  expect(mail?.to).toBe('fresh@example.com')
})

test('Support is told of requests for deletion, also of disabled users, if there is a Support', async () => {
  const { notices, mails } = collectNotices()
  const request = { at, account: 'Acme', requestedBy: 'admin' }
  await notices.deletionRequested({ ...reader, enabled: false }, request)
  expect(mails[0]?.to).toBe('help@example.com')
  for (const fact of [reader.id, reader.username, 'reader@example.com', 'Acme', 'admin'])
    expect(mails[0]?.text).toContain(fact)
  const alone = collectNotices({})
  expect(await alone.notices.deletionRequested(reader, request)).toBe('nobody')
  expect(alone.mails).toEqual([])
})

test('times are those of the user: their language, their zone', async () => {
  const [mail] = await collect('new device', 'de')
  expect(mail?.text).toMatch(/Zeitpunkt: 15\. Januar 2027.*13:30 MEZ/)
})

test('a language that is not known is English', async () => {
  const { notices, mails } = collectNotices()
  await notices.passwordChanged({ ...reader, language: 'tlh' }, { at })
  expect(mails[0]).toMatchObject({ language: 'en', subject: 'Your password has been changed' })
})

test('only a PIN has a deadline', async () => {
  for (const name of Object.keys(everyNotice))
    for (const { deadlineMs } of await collect(name, 'en'))
      expect(deadlineMs !== undefined, name).toBe(name === 'PIN')
})

test.each([
  'https://evil.example/console/x',
  'https://gate.example.com/console/x',
  'http://gate.example.com:8443/console/x',
  'https://gate.example.com:8443@evil.example/',
  'javascript:alert(1)',
  'x',
  '',
])('a link to %j is never sent: it does not lead to us', async (link) => {
  const { notices, mails } = collectNotices()
  await expect(notices.passwordReset(reader, { link, validUntil: at })).rejects.toThrow()
  expect(mails).toEqual([])
})

test('what became of the mail is told', async () => {
  const mailer = { send: async () => 'refused' as const }
  const notices = createNotices({ mailer, publicUrl, now: () => at })
  expect(await notices.passwordChanged(reader, { at })).toBe('refused')
})
