import type { Fault } from './faults.ts'

/** 3 to 64 printable ASCII characters without space and colon. */
const username = /^[!-9;-~]{3,64}$/

/** SMPP 3.4 §4.1.1: a system_id has at most 15 octets before its NUL. */
const systemIdOctets = 15

/** One address of ASCII, without quotes, comments or address literals (a part of RFC 5321 §4.1.2). */
const email =
  /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i

const fold = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/**
 * The one folding of usernames, for the database, counters, caches and comparison. Only ASCII
 * letters fold, so that no name outside ASCII (`K`, U+212A) ever becomes one inside.
 */
export const foldUsername = fold

/** E-mail addresses are compared without regard to case, and mail goes to the stored spelling. */
export const foldEmail = fold

/** A username as it may be created, in its own spelling. */
export const parseUsername = (text: string): string | undefined =>
  username.test(text) ? text : undefined

/** Whether strict SMPP 3.4 clients can send a username as system_id. */
export const fitsSystemId = (name: string): boolean => name.length <= systemIdOctets

/** One e-mail address of at most 254 octets (RFC 5321 §4.5.3.1), nothing around or beside it. */
export const parseEmail = (text: string): string | undefined =>
  text.length <= 254 && text.indexOf('@') <= 64 && email.test(text) ? text : undefined

/** E.164: a plus, the country code, at most 15 digits in all. */
const mobileNumber = /^\+[1-9]\d{6,14}$/

/** A mobile number as it is called (ITU-T E.164), without blanks and signs between. */
export const parseMobileNumber = (text: string): string | undefined =>
  mobileNumber.test(text) ? text : undefined

/** Control characters, ends of lines, and what turns the direction of the text around it. */
const unseenCharacters = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u

/** Whether a text shows otherwise than it is written. */
export const hasUnseen = (text: string): boolean => unseenCharacters.test(text)

/** What is wrong with a name that people give to a role, a key or a device. */
export const labelFaults = (text: string, path = 'name', most = 64): readonly Fault[] => {
  const faults: Fault[] = []
  if (text === '' || Array.from(text).length > most || !text.isWellFormed())
    faults.push({ path, message: `takes 1 to ${most} characters` })
  if (text !== text.trim())
    faults.push({ path, message: 'has blanks around it: write it without them' })
  if (hasUnseen(text)) faults.push({ path, message: 'has characters that cannot be seen' })
  return faults
}
