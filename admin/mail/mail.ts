import type { Language } from '../../policies/languages.ts'
import { parseEmail } from '../../policies/names.ts'

/** One message to one person. */
export type Mail = {
  /** The stored address, bare: `a@example.com`. */
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly language: Language
  /** Ms within which it must be taken: tried once, never later. Without it, tried again for hours. */
  readonly deadlineMs?: number
}

/**
 * What became of a mail: taken by the mail server; kept as a file; to be tried again; refused for
 * good (or not to one address); given up.
 */
export type Delivery = 'sent' | 'kept' | 'waiting' | 'refused' | 'failed'

/** The one way out for mail; `send` never throws. */
export type Mailer = {
  readonly send: (mail: Mail) => Promise<Delivery>
  /** Lets what is on its way arrive, for a few seconds; what waits is given up. */
  readonly close: () => Promise<void>
}

/** A mail as octets (RFC 5322), and whom the envelope names. */
export type Letter = {
  readonly messageId: string
  readonly from: string
  readonly to: string
  readonly octets: Buffer
}

/** Who sends: `Name <address>` taken apart. */
export type Sender = { readonly name: string; readonly address: string }

/** Reads MAIL_FROM: an address, or a name and `<address>`. */
export const parseSender = (written: string): Sender | undefined => {
  const [, name = '', bracketed] = /^([^<>"\p{Cc}]*)<([^<>]*)>$/u.exec(written) ?? []
  const address = parseEmail(bracketed ?? written)
  return address === undefined ? undefined : { name: name.trim(), address }
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

/** A header is one line, whatever a name in it holds. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').trim()

/**
 * The octets of a mail; undefined when `to` is not exactly one address, so that no list and no
 * header can come in by it. No content is ever fetched from files or addresses.
 */
export const composeLetter = async (
  { to, subject, text, html, language }: Mail,
  {
    from,
    now,
    random,
  }: {
    readonly from: Sender
    readonly now: () => number
    readonly random: (bytes: number) => Buffer
  },
): Promise<Letter | undefined> => {
  if (parseEmail(to) === undefined) return undefined
  // Loaded with the first mail, so that it costs a start nothing.
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const messageId = `<${random(16).toString('hex')}@${domainOf(from.address)}>`
  const composed = new MailComposer({
    from,
    to: { name: '', address: to },
    subject: oneLine(subject),
    date: new Date(now()),
    messageId,
    text,
    html,
    baseBoundary: random(12).toString('hex'),
    // RFC 3834 §5: no answering machine replies; RFC 3282: in which language it is.
    headers: { 'Auto-Submitted': 'auto-generated', 'Content-Language': language },
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'win',
  })
  const octets = await composed.compile().build()
  return { messageId, from: from.address, to, octets }
}
