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

/** A real mail server on a free port (or `port`), gone when the test is over. */
export const startMailServer = async (
  options: SMTPServerOptions = {},
  port = 0,
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
  onTestFinished(stop)
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
