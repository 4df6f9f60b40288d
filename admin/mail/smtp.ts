import type {
  NodemailerError,
  SMTPPoolOptions,
  SMTPPoolSentMessageInfo,
  Transporter,
} from 'nodemailer'
import type { Logger } from 'pino'
import type { Delivery, Letter } from './mail.ts'

/** Bounds of one try, in ms. */
export type SmtpTimeouts = {
  readonly connection: number
  readonly greeting: number
  /** Silence of the server. */
  readonly socket: number
  /** The whole try, so that a server which trickles ends too. */
  readonly attempt: number
}

export const smtpTimeouts: SmtpTimeouts = {
  connection: 10_000,
  greeting: 10_000,
  socket: 20_000,
  attempt: 60_000,
}

/** Ms before each further try after a temporary failure: some four hours in all. */
export const retryDelays = [5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000]

export type SmtpSettings = {
  /** `smtp://[user:password@]host[:port]`, or `smtps://…` (TLS from the first octet). */
  readonly smtpUrl: string
  readonly random: (bytes: number) => Buffer
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly timeouts?: SmtpTimeouts
  readonly delays?: readonly number[]
  /** Mails on their way and waiting together; beyond it they are given up at once. */
  readonly limit?: number
  /** Authorities (PEM) that vouch for the server, beside those that Node trusts. */
  readonly ca?: string
}

export type Smtp = {
  readonly deliver: (letter: Letter, deadlineMs?: number) => Promise<Delivery>
  readonly close: (graceMs?: number) => Promise<void>
}

/** The transport's own queue is never used for tries: what waits, waits here. */
const optionsOf = ({
  smtpUrl,
  timeouts = smtpTimeouts,
  ca,
}: SmtpSettings): SMTPPoolOptions & { readonly pool: true } => {
  const { protocol, hostname, port, username, password } = new URL(smtpUrl)
  const hasCredentials = username !== ''
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i.test(hostname)
  return {
    pool: true,
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { port: Number(port) }),
    secure: protocol === 'smtps:',
    // STARTTLS wherever it is offered; a password crosses no network without it.
    requireTLS: hasCredentials && !isLoopback,
    ...(hasCredentials
      ? { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }
      : {}),
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    maxConnections: 4,
    maxRequeues: 1,
    connectionTimeout: timeouts.connection,
    greetingTimeout: timeouts.greeting,
    socketTimeout: timeouts.socket,
    dnsTimeout: timeouts.connection,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  }
}

/** Said of this mail, and for good; a refused sign-in or session is a fault of settings or times. */
const isPermanent = ({ code, permanent }: NodemailerError): boolean =>
  permanent === true && (code === 'EENVELOPE' || code === 'EMESSAGE')

/** What may stand in a log: neither address, nor content, nor what the server said of them. */
const traceOf = ({ messageId, to }: Letter, error?: NodemailerError) => ({
  messageId,
  domain: to.slice(to.lastIndexOf('@') + 1),
  ...(error === undefined
    ? {}
    : { code: error.originalCode ?? error.code, responseCode: error.responseCode }),
})

/** Delivers to a mail server, and again later when that fails for the time being. */
export const createSmtp = (settings: SmtpSettings): Smtp => {
  const { random, log, timeouts = smtpTimeouts, delays = retryDelays, limit = 1_000 } = settings
  const options = optionsOf(settings)
  let transport: Promise<Transporter<SMTPPoolSentMessageInfo>> | undefined
  const underWay = new Set<Promise<Delivery>>()
  const waiting = new Set<NodeJS.Timeout>()
  let isClosed = false

  /** Loaded with the first mail, so that it costs a start nothing. */
  const open = async (): Promise<Transporter<SMTPPoolSentMessageInfo>> => {
    const { createTransport } = await import('nodemailer')
    return createTransport(options)
  }

  const offer = async (letter: Letter, ms: number): Promise<NodemailerError | undefined> => {
    try {
      const opened = await (transport ??= open())
      await opened.sendMail({
        envelope: { from: letter.from, to: [letter.to] },
        raw: letter.octets,
        signal: AbortSignal.timeout(ms),
      })
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new Error('the mail failed', { cause: error })
    }
  }

  /** Up to a quarter later than it could, so that many mails do not come back at once. */
  const later = (letter: Letter, delay: number, tries: number): void => {
    const timer = setTimeout(
      () => {
        waiting.delete(timer)
        void attempt(letter, tries)
      },
      delay * (1 + random(1).readUInt8() / 1024),
    )
    timer.unref()
    waiting.add(timer)
  }

  const tryOnce = async (letter: Letter, tries: number, deadlineMs?: number): Promise<Delivery> => {
    const error = await offer(letter, deadlineMs ?? timeouts.attempt)
    if (error === undefined) {
      if (tries > 0) log.info(traceOf(letter), 'a mail was taken after all')
      return 'sent'
    }
    if (isPermanent(error)) {
      log.warn(traceOf(letter, error), 'a mail was refused for good')
      return 'refused'
    }
    const delay = deadlineMs === undefined && !isClosed ? delays[tries] : undefined
    if (delay === undefined) {
      log.error(traceOf(letter, error), 'a mail was given up')
      return 'failed'
    }
    log.warn(traceOf(letter, error), 'a mail failed and is tried again')
    later(letter, delay, tries + 1)
    return 'waiting'
  }

  const attempt = async (letter: Letter, tries: number, deadlineMs?: number): Promise<Delivery> => {
    const trying = tryOnce(letter, tries, deadlineMs)
    underWay.add(trying)
    try {
      return await trying
    } finally {
      underWay.delete(trying)
    }
  }

  return {
    deliver: async (letter, deadlineMs) => {
      if (!isClosed && underWay.size + waiting.size < limit) return attempt(letter, 0, deadlineMs)
      log.error(traceOf(letter), isClosed ? 'a mail came too late' : 'too many mails wait')
      return 'failed'
    },

    close: async (graceMs = 5_000) => {
      isClosed = true
      if (waiting.size > 0) log.error({ mails: waiting.size }, 'mails that waited are lost')
      for (const timer of waiting) clearTimeout(timer)
      waiting.clear()
      const grace = AbortSignal.timeout(graceMs)
      const isOver = new Promise((resolve) => {
        grace.addEventListener('abort', resolve)
      })
      await Promise.race([Promise.all(underWay), isOver])
      const opened = await transport
      opened?.close({ force: true })
      await Promise.all(underWay)
    },
  }
}
