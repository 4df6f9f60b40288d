import { createServer, type AddressInfo } from 'node:net'
import { onTestFinished, expect, test, vi } from 'vitest'
import { smtpTimeouts } from '../../../admin/mail/smtp.ts'
import { createSystem } from '../../../gateway/system.ts'
import { createCertificate } from '../../support/certificate.ts'
import { headersOf, startMailServer } from '../../support/mail-server.ts'
import { mailTo, startMailer } from '../../support/mails.ts'

const { now } = createSystem()
const patience = { timeout: 20_000, interval: 20 }

const refusing = (responseCode: number) => Object.assign(new Error('no'), { responseCode })

test('a mail arrives with the headers of one that a machine wrote', async () => {
  const server = await startMailServer()
  const { mailer } = startMailer(server.url)
  expect(await mailer.send({ ...mailTo('a@example.com'), language: 'zh-Hant' })).toBe('sent')
  expect(server.received).toHaveLength(1)
  expect(server.received[0]).toMatchObject({ from: 'gate@example.com', to: ['a@example.com'] })
  const headers = headersOf(server.received[0]!.message)
  expect(headers.get('from')).toBe('Sallyport <gate@example.com>')
  expect(headers.get('message-id')).toMatch(/^<[0-9a-f]{32}@example\.com>$/)
  expect(headers.get('auto-submitted')).toBe('auto-generated')
  expect(headers.get('content-language')).toBe('zh-Hant')
  expect(Math.abs(Date.parse(headers.get('date') ?? '') - now())).toBeLessThan(60_000)
  expect(headers.get('content-type')).toMatch(/^multipart\/alternative/)
})

test('a hundred mails at once all arrive, each to its one address', async () => {
  const server = await startMailServer()
  const { mailer } = startMailer(server.url)
  const addresses = Array.from({ length: 100 }, (_, index) => `user${index}@example.com`)
  const sent = await Promise.all(addresses.map((to) => mailer.send(mailTo(to))))
  expect(new Set(sent)).toEqual(new Set(['sent']))
  expect(server.received.map(({ to }) => to.join()).sort()).toEqual(addresses.sort())
})

test('a permanent refusal is final, and logged without address and content', async () => {
  const server = await startMailServer({
    onRcptTo: (_address, _session, done) => {
      done(refusing(550))
    },
  })
  const { mailer, lines } = startMailer(server.url, { delays: [1] })
  expect(await mailer.send(mailTo('secret.person@example.com'))).toBe('refused')
  expect(lines).toHaveLength(1)
  expect(lines[0]?.fields).toMatchObject({ domain: 'example.com', responseCode: 550 })
  expect(JSON.stringify(lines)).not.toMatch(/secret\.person|Some text|A subject/)
})

test('a temporary refusal is tried again, with the same Message-ID', async () => {
  const ids = new Set<string>()
  let offers = 0
  const server = await startMailServer({
    onRcptTo: (_address, _session, done) => {
      offers += 1
      done(offers < 3 ? refusing(451) : null)
    },
  })
  const { mailer, lines } = startMailer(server.url, { delays: [1, 1, 1] })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('waiting')
  await vi.waitFor(() => {
    expect(server.received).toHaveLength(1)
  }, patience)
  await vi.waitFor(() => {
    expect(lines.at(-1)?.text).toBe('a mail was taken after all')
  }, patience)
  expect(offers).toBe(3)
  for (const { fields } of lines) ids.add((fields as { messageId: string }).messageId)
  ids.add(headersOf(server.received[0]!.message).get('message-id') ?? '')
  expect(ids.size).toBe(1)
})

test('a server that is down gets the mail when it is up again', async () => {
  const first = await startMailServer()
  await first.stop()
  const { mailer } = startMailer(first.url, { delays: Array.from({ length: 500 }, () => 50) })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('waiting')
  const second = await startMailServer({}, first.port)
  await vi.waitFor(() => {
    expect(second.received).toHaveLength(1)
  }, patience)
})

test('after the last try the mail is given up', async () => {
  const down = await startMailServer()
  await down.stop()
  const { mailer, lines } = startMailer(down.url, { delays: [1, 1] })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('waiting')
  await vi.waitFor(() => {
    expect(lines.at(-1)?.text).toBe('a mail was given up')
  }, patience)
  expect(lines).toHaveLength(3)
})

/** Accepts, and says `words` (or nothing at all). */
const startMuteServer = async (words = ''): Promise<string> => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(words)
    onTestFinished(() => {
      socket.destroy()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
  })
  return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each([
  { server: 'never greets', words: '', timeouts: { ...smtpTimeouts, greeting: 100 } },
  {
    server: 'greets and is silent',
    words: '220 hi\r\n',
    timeouts: { ...smtpTimeouts, socket: 100 },
  },
  {
    server: 'takes too long in all',
    words: '220 hi\r\n',
    timeouts: { ...smtpTimeouts, attempt: 100 },
  },
])('a server that $server fails for the time being', async ({ words, timeouts }) => {
  const { mailer } = startMailer(await startMuteServer(words), { timeouts })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('waiting')
})

test('I6: a mail with a deadline is tried once and never delivered later', async () => {
  const { mailer, lines } = startMailer(await startMuteServer(), { delays: [1] })
  expect(await mailer.send({ ...mailTo('a@example.com'), deadlineMs: 100 })).toBe('failed')
  expect(lines.map(({ text }) => text)).toEqual(['a mail was given up'])
})

test('the queue is bounded: beyond it a mail is given up at once', async () => {
  const down = await startMailServer()
  await down.stop()
  const { mailer, lines } = startMailer(down.url, { delays: [3_600_000], limit: 2 })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('waiting')
  expect(await mailer.send(mailTo('b@example.com'))).toBe('waiting')
  expect(await mailer.send(mailTo('c@example.com'))).toBe('failed')
  expect(lines.at(-1)?.text).toBe('too many mails wait')
})

test('closing waits for what is on its way, and takes nothing more', async () => {
  let accept: () => void = () => undefined
  const server = await startMailServer({
    onMailFrom: (_address, _session, done) => {
      accept = done
    },
  })
  const { mailer } = startMailer(server.url)
  const sending = mailer.send(mailTo('a@example.com'))
  const offered = accept
  await vi.waitFor(() => {
    expect(accept).not.toBe(offered)
  }, patience)
  const closing = mailer.close()
  accept()
  expect(await sending).toBe('sent')
  await closing
  expect(await mailer.send(mailTo('b@example.com'))).toBe('failed')
  expect(server.received).toHaveLength(1)
})

test('smtps: TLS from the first octet, to a server that an authority vouches for', async () => {
  const authority = createCertificate('An authority')
  const { cert, key } = createCertificate('localhost', authority)
  const server = await startMailServer({ secure: true, cert, key })
  const url = `smtps://localhost:${server.port}`
  const { mailer } = startMailer(url, { ca: authority.cert })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('sent')
  const { mailer: stranger, lines } = startMailer(url)
  expect(await stranger.send(mailTo('a@example.com'))).toBe('waiting')
  expect(lines).toHaveLength(1)
  expect(server.received).toHaveLength(1)
})

test('credentials of the URL sign in, decoded; STARTTLS is used where it is offered', async () => {
  const authority = createCertificate('An authority')
  const { cert, key } = createCertificate('localhost', authority)
  const seen: unknown[] = []
  const server = await startMailServer({
    cert,
    key,
    authOptional: false,
    onAuth: ({ username, password }, { secure }, done) => {
      seen.push({ username, password, secure })
      done(null, { user: username })
    },
  })
  const url = `smtp://gate%40example.com:p%3Ass@localhost:${server.port}`
  const { mailer } = startMailer(url, { ca: authority.cert })
  expect(await mailer.send(mailTo('a@example.com'))).toBe('sent')
  expect(seen).toEqual([{ username: 'gate@example.com', password: 'p:ss', secure: true }])
})
