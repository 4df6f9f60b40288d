import { z } from 'zod'

/** When something was done (ms), and from where, if by the user. */
const happening = { at: z.number(), source: z.string().nullable() }

/** What a notice tells, by its kind: enough to write the mail, and nothing that opens anything. */
export const noticeFacts = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('account-created') }),
  z.object({ kind: z.literal('unlocked') }),
  z.object({
    kind: z.literal('locked'),
    at: z.number(),
    /** Null: until an admin unlocks. */
    until: z.number().nullable(),
    failures: z.number(),
    sources: z.array(z.string()),
    channels: z.array(z.enum(['http', 'smpp', 'web'])),
  }),
  z.object({ kind: z.literal('password-changed'), ...happening }),
  /** To one address: the one before, or the new one. */
  z.object({
    kind: z.literal('email-changed'),
    ...happening,
    address: z.string(),
    to: z.string().nullable(),
  }),
  z.object({ kind: z.literal('mobile-changed'), ...happening, to: z.string().nullable() }),
  z.object({
    kind: z.literal('two-factor-changed'),
    ...happening,
    channel: z.enum(['email', 'sms', 'voice', 'totp']).optional(),
    mode: z.enum(['remembered', 'always']).optional(),
  }),
  z.object({
    kind: z.enum(['authenticator-removed', 'device-removed']),
    ...happening,
    device: z.string(),
  }),
  z.object({ kind: z.literal('key-expiring'), keyId: z.string(), expiresAt: z.number() }),
  z.object({
    kind: z.literal('deletion-requested'),
    at: z.number(),
    /** Who asked: a user's id, or the door where it was nobody known. */
    actorId: z.string().nullable(),
    channel: z.string(),
  }),
  z.object({ kind: z.literal('invite'), inviteId: z.string() }),
])

export type NoticeFacts = z.output<typeof noticeFacts>
