import type { Logger } from 'pino'
import { composeLetter, parseSender, type Delivery, type Mail, type Mailer } from './mail.ts'
import { createOutbox } from './outbox.ts'
import { createSmtp, type SmtpSettings } from './smtp.ts'

export type MailerSettings = {
  /** Without it, mails are kept as files in `outboxDir`. */
  readonly smtpUrl?: string | undefined
  /** An address, or a name and `<address>`; demanded by the settings where there is a server. */
  readonly from?: string | undefined
  readonly outboxDir: string
  readonly now: () => number
  readonly random: (bytes: number) => Buffer
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** How patient it is with the server. */
  readonly smtp?: Pick<SmtpSettings, 'timeouts' | 'delays' | 'limit' | 'ca'>
}

/** Who sends where nothing is sent. */
const nobody = 'Sallyport <sallyport@localhost>'

/** The one mail seam: a mail server, or the outbox where none is set. Throws if `from` is none. */
export const createMailer = (settings: MailerSettings): Mailer => {
  const { smtpUrl, from = nobody, outboxDir: folder, now, random, log } = settings
  const sender = parseSender(from)
  if (sender === undefined) throw new Error('the sender of mails is not an address')
  const smtp =
    smtpUrl === undefined ? undefined : createSmtp({ ...settings.smtp, smtpUrl, random, log })
  const outbox = createOutbox({ folder, now, random })

  const take = async (mail: Mail): Promise<Delivery> => {
    const letter = await composeLetter(mail, { from: sender, now, random })
    if (letter === undefined) {
      log.warn('a mail to what is not one address was refused')
      return 'refused'
    }
    if (smtp !== undefined) return smtp.deliver(letter, mail.deadlineMs)
    await outbox.keep(mail, letter)
    return 'kept'
  }

  return {
    send: async (mail) => {
      try {
        return await take(mail)
      } catch (error) {
        log.error({ err: error }, 'a mail could not be written')
        return 'failed'
      }
    },
    close: async () => smtp?.close(),
  }
}
