import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createMailer } from '../../../admin/mail/mailer.ts'
import { createNotices } from '../../../admin/mail/notices.ts'
import { createOutbox } from '../../../admin/mail/outbox.ts'
import { createSystem } from '../../../gateway/system.ts'
import { temporaryFolder } from '../../support/database.ts'
import { letterTo, mailTo, silentLog } from '../../support/mails.ts'
import { headersOf } from '../../support/mail-server.ts'
import { pin, publicUrl, reader } from '../../support/notices.ts'

const { now, random } = createSystem()

test('without a mail server a mail is kept as a file that only its owner reads', async () => {
  const outboxDir = join(temporaryFolder(), 'outbox')
  const mailer = createMailer({ outboxDir, now, random, log: silentLog })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('kept')
  const names = readdirSync(outboxDir)
  expect(names.map((name) => name.replace(/^.*\./, '')).sort()).toEqual(['eml', 'json'])
  expect(statSync(outboxDir).mode & 0o777).toBe(0o700)
  for (const name of names) expect(statSync(join(outboxDir, name)).mode & 0o777).toBe(0o600)
  const eml = names.find((name) => name.endsWith('.eml')) ?? ''
  const headers = headersOf(readFileSync(join(outboxDir, eml), 'utf8'))
  expect(headers.get('to')).toBe('a@example.com')
  await mailer.close()
})

test('the newest stand first, and each can be read', async () => {
  let at = Date.UTC(2027, 0, 15)
  const clock = (): number => at
  const outbox = createOutbox({ folder: join(temporaryFolder(), 'box'), now: clock, random })
  expect(await outbox.list()).toEqual([])
  for (const name of ['first', 'second', 'third']) {
    at += 1
    await outbox.keep(
      { ...mailTo('a@example.com'), subject: name },
      await letterTo('a@example.com'),
    )
  }
  const listed = await outbox.list()
  expect(listed.map(({ subject }) => subject)).toEqual(['third', 'second', 'first'])
  expect((await outbox.list(1)).map(({ subject }) => subject)).toEqual(['third'])
  const read = await outbox.find(listed[1]?.id ?? '')
  expect(read).toMatchObject({ subject: 'second', to: 'a@example.com', at: at - 1 })
  expect(read?.html).toBe(mailTo('a@example.com').html)
})

test('beyond its limit the oldest go, both files of them', async () => {
  const folder = join(temporaryFolder(), 'box')
  const outbox = createOutbox({ folder, now, random, limit: 3 })
  const ids: string[] = []
  for (let sent = 0; sent < 5; sent += 1)
    ids.push(await outbox.keep(mailTo('a@example.com'), await letterTo('a@example.com')))
  expect((await outbox.list()).map(({ id }) => id)).toEqual(ids.slice(2).reverse())
  expect(readdirSync(folder)).toHaveLength(6)
  expect(await outbox.find(ids[0] ?? '')).toBeUndefined()
})

test('what a crash left half written is not listed, and goes with the oldest', async () => {
  const folder = join(temporaryFolder(), 'box')
  const outbox = createOutbox({ folder, now, random, limit: 1 })
  const id = await outbox.keep(mailTo('a@example.com'), await letterTo('a@example.com'))
  renameSync(join(folder, `${id}.json`), join(folder, `${id}.part`))
  expect(await outbox.list()).toEqual([])
  const next = await outbox.keep(mailTo('b@example.com'), await letterTo('b@example.com'))
  expect(readdirSync(folder).sort()).toEqual([`${next}.eml`, `${next}.json`])
})

test('what is no id reads nothing, wherever it points', async () => {
  const above = temporaryFolder()
  const folder = join(above, 'box')
  writeFileSync(join(above, 'secret.json'), '{}')
  const outbox = createOutbox({ folder, now, random })
  await outbox.keep(mailTo('a@example.com'), await letterTo('a@example.com'))
  for (const id of ['', '../secret', '..%2fsecret', '/etc/passwd', 'secret.json'])
    expect(await outbox.find(id)).toBeUndefined()
})

test('a folder that cannot be made fails the mail and is logged, and nothing is thrown', async () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  const logged: unknown[] = []
  const log = { ...silentLog, error: (what: unknown) => logged.push(what) }
  const mailer = createMailer({ outboxDir: join(file, 'outbox'), now, random, log })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('failed')
  expect(logged).toHaveLength(1)
})

test('a sender that is no address is a fault of the settings', () => {
  const create = (from: string) => () =>
    createMailer({ from, outboxDir: '/nowhere', now, random, log: silentLog })
  expect(create('nobody')).toThrow()
  expect(create('a@example.com\r\nBcc: x@example.com')).toThrow()
  expect(create('Sallyport <gate@example.com>')).not.toThrow()
})

test('a notice lands in the outbox as it would have been sent', async () => {
  const outboxDir = join(temporaryFolder(), 'outbox')
  const mailer = createMailer({ outboxDir, now, random, log: silentLog })
  const notices = createNotices({ mailer, publicUrl, now })
  const user = { ...reader, language: 'ar' }
  expect(await notices.pin(user, { pin, minutes: 10 })).toBe('kept')
  const outbox = createOutbox({ folder: outboxDir, now, random })
  const [listed] = await outbox.list()
  expect(listed).toMatchObject({ to: 'reader@example.com', language: 'ar' })
  expect(JSON.stringify(listed)).not.toContain(pin)
  const kept = await outbox.find(listed?.id ?? '')
  expect(kept?.text.split('\n')).toContain(pin)
  expect(kept?.html).toContain('dir="rtl"')
  const octets = readFileSync(join(outboxDir, `${listed?.id ?? ''}.eml`), 'utf8')
  expect(headersOf(octets).get('content-language')).toBe('ar')
})
