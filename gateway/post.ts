import { join } from 'node:path'
import { transact, type Transaction } from '../db/database.ts'
import { recordExpiringKeys } from '../db/key-expiry.ts'
import { pruneNotices } from '../db/notices.ts'
import { prunePasswordResets } from '../db/password-resets.ts'
import type { Mail, Mailer } from '../admin/mail/mail.ts'
import { createMailer, type MailerSettings } from '../admin/mail/mailer.ts'
import type { Noticed } from '../admin/mail/notices.ts'
import { createPost, type PostSettings } from '../admin/mail/post.ts'
import type { Tell } from '../admin/mail/telling.ts'
import type { Core } from './core.ts'

/** The mail of this process: what is recorded is told from here. */
export type PostOffice = {
  /** Looks for keys that are about to end, and forgets what is over for long. */
  readonly keepUp: () => Promise<void>
  /** Ends within some seconds; what was not sent is left to another node or the next start. Safe to call twice. */
  readonly stop: () => Promise<void>
}

export type PostOfficeOptions = Pick<PostSettings, 'pollMs' | 'leaseMs' | 'delays'> & {
  /** The base of links. */
  readonly publicUrl: string
  readonly smtp?: MailerSettings['smtp']
}

/** Where mails are kept when there is no mail server. */
export const outboxOf = (dataDir: string): string => join(dataDir, 'outbox')

/** One try of a notice; further ones are the table's, which outlives this process. */
const TRY_MS = 60_000

const HOUR_MS = 3_600_000

/** The first look is not to make the start longer. */
const FIRST_LOOK_MS = 5_000

const createOfficeMailer = (
  { settings, system, log }: Core,
  { smtp }: PostOfficeOptions,
): Mailer => {
  const { smtpUrl, from } = settings.mail
  const outboxDir = outboxOf(settings.dataDir)
  return createMailer({ ...system, smtpUrl, from, outboxDir, log, ...(smtp && { smtp }) })
}

/** Texts and languages are read with the first notice, so that they cost a start nothing. */
const openTelling = async (core: Core, mailer: Mailer, publicUrl: string): Promise<Tell> => {
  const [{ createNotices }, { createTelling }] = await Promise.all([
    import('../admin/mail/notices.ts'),
    import('../admin/mail/telling.ts'),
  ])
  const { database, settings, system } = core
  const notices = createNotices({
    mailer: { send: (mail: Mail) => mailer.send({ deadlineMs: TRY_MS, ...mail }) },
    publicUrl,
    supportEmail: settings.mail.support,
    now: system.now,
  })
  return createTelling({ database, notices, publicUrl, random: system.random })
}

const createKeepUp = ({ database, log }: Core) => {
  const pruneAll = async (prune: (tx: Transaction) => Promise<number>): Promise<void> => {
    while ((await transact(database, (tx) => prune(tx))) > 0) continue
  }
  return async (): Promise<void> => {
    try {
      await recordExpiringKeys(database)
      await pruneAll(pruneNotices)
      await pruneAll(prunePasswordResets)
    } catch (error) {
      log.error({ err: error }, 'what is due by the day could not be done; that is tried again')
    }
  }
}

export const openPostOffice = (core: Core, options: PostOfficeOptions): PostOffice => {
  const { database, system, log } = core
  const mailer = createOfficeMailer(core, options)
  let telling: Promise<Tell> | undefined
  const tell = async (row: Parameters<Tell>[0]): Promise<Noticed> => {
    const told = await (telling ??= openTelling(core, mailer, options.publicUrl))
    return told(row)
  }
  const post = createPost({ ...options, database, tell, random: system.random, log })
  const keepUp = createKeepUp(core)
  let looking: Promise<void> | undefined
  const look = (): Promise<void> =>
    (looking ??= keepUp().finally(() => {
      looking = undefined
    }))
  const first = setTimeout(() => void look(), FIRST_LOOK_MS).unref()
  const hourly = setInterval(() => void look(), HOUR_MS).unref()
  const close = async (): Promise<void> => {
    clearTimeout(first)
    clearInterval(hourly)
    const ended = post.stop()
    await mailer.close()
    await ended
    await looking
  }
  let closing: Promise<void> | undefined
  const stop = (): Promise<void> =>
    (closing ??= close().catch((error: unknown) => {
      log.error({ err: error }, 'the mail could not be closed')
    }))
  return { keepUp: look, stop }
}
