import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { onTestFinished } from 'vitest'

/** What a mail server was given: the envelope, and the octets of the message. */
export type Received = {
  readonly from: string
  readonly to: readonly string[]
  readonly message: string
}

export type MailServer = {
  readonly port: number
  readonly url: string
  readonly received: Received[]
  readonly stop: () => Promise<void>
}

const read = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** A real mail server on a free port (or `port`), gone when the test is over unless tests share it. */
export const startMailServer = async (
  options: SMTPServerOptions = {},
  port = 0,
  isShared = false,
): Promise<MailServer> => {
  const received: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.key === undefined ? ['STARTTLS'] : [],
    closeTimeout: 100,
    onData: (stream, { envelope }, done) => {
      void read(stream).then((message) => {
        received.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          message,
        })
        done()
      })
    },
    ...options,
  })
  // A client that hangs up in the middle is what some tests are about.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> =>
    (stopping ??= new Promise((resolve) => {
      server.close(() => {
        resolve()
      })
    }))
  if (!isShared) onTestFinished(stop)
  const { port: taken } = server.server.address() as AddressInfo
  return { port: taken, url: `smtp://127.0.0.1:${taken}`, received, stop }
}

/** Headers of a message, unfolded, by their names in lower case. */
export const headersOf = (message: string): ReadonlyMap<string, string> => {
  const head = message.slice(0, message.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
  return new Map(
    head.split('\r\n').map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}

export type ReadMail = {
  readonly to: string
  readonly subject: string
  readonly language: string
  readonly text: string
}

/** A header with its encoded words (RFC 2047) read. */
const decodeWords = (value: string): string =>
  value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/((?:=\?utf-8\?[BQ]\?[^?]*\?=)+)/gi, (words) =>
      Buffer.concat(
        Array.from(words.matchAll(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi), ([, how = '', what = '']) =>
          how.toUpperCase() === 'B'
            ? Buffer.from(what, 'base64')
            : decodeQuoted(what.replaceAll('_', ' ')),
        ),
      ).toString(),
    )

/** Quoted-printable (RFC 2045 §6.7). */
const decodeQuoted = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/gi, (_, digits: string) =>
        String.fromCharCode(Number.parseInt(digits, 16)),
      ),
    'latin1',
  )

/** What its reader sees of a mail, of which the plain text comes first. */
export const readMail = ({ to, message }: Received): ReadMail => {
  const headers = headersOf(message)
  const boundary = /boundary="([^"]+)"/.exec(headers.get('content-type') ?? '')?.[1] ?? ''
  const part = (message.split(`--${boundary}\r\n`)[1] ?? '').split(`\r\n--${boundary}`)[0] ?? ''
  const body = part.slice(part.indexOf('\r\n\r\n') + 4)
  const encoding = headersOf(part).get('content-transfer-encoding')
  const decoded =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : encoding === 'quoted-printable'
        ? decodeQuoted(body)
        : Buffer.from(body)
  return {
    to: to.join(', '),
    subject: decodeWords(headers.get('subject') ?? ''),
    language: headers.get('content-language') ?? '',
    text: decoded.toString().replaceAll('\r\n', '\n'),
  }
}
