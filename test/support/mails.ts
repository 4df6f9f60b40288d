import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { composeLetter, type Letter, type Mail, type Mailer } from '../../admin/mail/mail.ts'
import { createMailer, type MailerSettings } from '../../admin/mail/mailer.ts'
import { createSystem } from '../../gateway/system.ts'
import { temporaryFolder } from './database.ts'

const { now, random } = createSystem()

/** A mail of which only the address matters. */
export const mailTo = (to: string): Mail => ({
  to,
  subject: 'A subject',
  text: 'Some text.\n',
  html: '<p>Some text.</p>',
  language: 'en',
})

/** The same as it goes out. */
export const letterTo = async (to: string): Promise<Letter> => {
  const from = { name: '', address: 'gate@example.com' }
  const letter = await composeLetter(mailTo(to), { from, now, random })
  if (letter === undefined) throw new Error(`${to} is no address`)
  return letter
}

export const silentLog = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** What was logged. */
export type Line = { readonly fields: unknown; readonly text: string }

/** A mailer for a server, closed when the test is over, and what it logs. */
export const startMailer = (
  smtpUrl: string,
  smtp: MailerSettings['smtp'] = {},
): { readonly mailer: Mailer; readonly lines: Line[] } => {
  const lines: Line[] = []
  const write = (fields: unknown, text = ''): void => {
    lines.push({ fields, text })
  }
  const mailer = createMailer({
    smtpUrl,
    from: 'Sallyport <gate@example.com>',
    outboxDir: join(temporaryFolder(), 'outbox'),
    now,
    random,
    log: { info: write, warn: write, error: write },
    smtp,
  })
  onTestFinished(() => mailer.close())
  return { mailer, lines }
}
