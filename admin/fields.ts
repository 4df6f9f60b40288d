import { z } from '@hono/zod-openapi'
import { languageTags } from '../policies/languages.ts'
import { hasUnseen, parseEmail, parseUsername } from '../policies/names.ts'

/** An instant as the API writes it (RFC 3339, UTC); inside, times are ms since the epoch. */
export const timeOf = (ms: number): string => new Date(ms).toISOString()

/** The same where there may be none. */
export const timeOrNull = (ms: number | null): string | null => (ms === null ? null : timeOf(ms))

/** An instant in an answer. */
export const time = z.iso.datetime()

/** An instant as it is asked for, with any offset; ms since the epoch inside. */
export const instant = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .openapi({ type: 'string', format: 'date-time' })

/** The same where null takes it away. */
export const instantOrNull = instant
  .nullable()
  .openapi({ type: ['string', 'null'], format: 'date-time' })

/** A line of text for people: without what cannot be seen, and without blanks around it. */
export const line = (most: number) =>
  z
    .string()
    .trim()
    .max(most)
    .refine((text) => !hasUnseen(text), 'has characters that cannot be seen')
    .refine((text) => text.isWellFormed(), 'is not well-formed Unicode')
    // JSON Schema writes patterns without flags, and reads them as Unicode.
    .openapi({ pattern: '^\\P{Cc}*$' })

/** An id as somebody writes it: no database is asked for what it cannot take, such as NUL. */
export const anyId = line(64)

export const username = z
  .string()
  .refine((text) => parseUsername(text) !== undefined, {
    message: 'takes 3 to 64 printable ASCII characters without space and colon',
  })
  .openapi({ minLength: 3, maxLength: 64, example: 'alice' })

export const email = z
  .string()
  .refine((text) => parseEmail(text) !== undefined, { message: 'takes one e-mail address' })
  .openapi({ format: 'email', maxLength: 254 })

export const language = z.enum(languageTags)

const isTimeZone = (text: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

export const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, { message: 'takes a name of the IANA time zones, such as Europe/Zagreb' })
  .openapi({ example: 'Europe/Zagreb' })

/** E.164. */
export const mobileNumber = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, 'takes a number with its country code, such as +41793026727')
