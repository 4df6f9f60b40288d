import { expect, test } from 'vitest'
import { headersOf, startMailServer } from '../support/mail-server.ts'
import { mailTo, startMailer } from '../support/mails.ts'

test('C3: what is not exactly one address gets nothing, nor does anybody else', async () => {
  const server = await startMailServer()
  const { mailer } = startMailer(server.url)
  const wrong = [
    'a@example.com\r\nBcc: x@evil.example',
    'a@example.com\nBcc: x@evil.example',
    'a@example.com,evil@x.example',
    'a@example.com;evil@x.example',
    'a@example.com evil@x.example',
    'A <a@example.com>',
    'a@example.com>, <evil@x.example',
    'list: a@example.com, evil@x.example;',
    '"a@evil.example"@example.com',
    'a@example.com\0',
    '<a@example.com>\r\nRCPT TO:<evil@x.example>',
    'ａ@example.com',
    '',
  ]
  for (const to of wrong) expect(await mailer.send(mailTo(to)), to).toBe('refused')
  expect(server.received).toEqual([])
})

test('C3: a subject or a name with line breaks makes no header', async () => {
  const server = await startMailServer()
  const { mailer } = startMailer(server.url)
  const subject = 'Hello\r\nBcc: x@evil.example\r\n\r\nbody\u0000'
  expect(await mailer.send({ ...mailTo('a@example.com'), subject })).toBe('sent')
  const headers = headersOf(server.received[0]!.message)
  expect(headers.has('bcc')).toBe(false)
  expect(headers.get('subject')).toBe('Hello Bcc: x@evil.example body')
  expect(server.received[0]!.to).toEqual(['a@example.com'])
})

test('C3: a local part goes out in its own spelling; a domain has no case', async () => {
  const server = await startMailServer()
  const { mailer } = startMailer(server.url)
  await mailer.send(mailTo('First.Last+tag@EX.COM'))
  expect(headersOf(server.received[0]!.message).get('to')).toBe('First.Last+tag@ex.com')
  expect(server.received[0]!.to).toEqual(['First.Last+tag@ex.com'])
})

test('lines that look like commands stay content', async () => {
  const server = await startMailServer()
  const { mailer } = startMailer(server.url)
  const text = 'one\r\n.\r\nMAIL FROM:<x@evil.example>\r\n..\r\nlast\r\n'
  expect(await mailer.send({ ...mailTo('a@example.com'), text })).toBe('sent')
  expect(server.received).toHaveLength(1)
  expect(server.received[0]!.message).toContain('\r\nMAIL FROM:<x@evil.example>\r\n')
})
