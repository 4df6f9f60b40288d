import { z } from '@hono/zod-openapi'
import type { ApiKeyView } from '../../db/api-key-lists.ts'
import { anyId, instantOrNull, time, timeOf, timeOrNull } from '../fields.ts'
import { pageQuery } from '../paging.ts'

export const apiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    userId: z.string(),
    username: z.string(),
    safelist: z
      .array(z.string())
      .openapi({ description: "None: every address that the user's own list allows" }),
    permissions: z
      .array(z.string())
      .nullable()
      .openapi({ description: 'What it may do of what its user may; null: all of that' }),
    notBefore: time.nullable(),
    expiresAt: time.nullable(),
    enabled: z.boolean(),
    previousSecretUntil: time
      .nullable()
      .openapi({ description: 'Until when the secret before the last rotation is good' }),
    lastUse: z.object({ at: time, source: z.string().nullable() }).nullable(),
    createdBy: z.string().nullable(),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('ApiKey')

/** Answered once; what is kept of the secret does not lead back to it. */
export const issuedApiKey = apiKey
  .extend({ secret: z.string().openapi({ description: 'Shown this once' }) })
  .openapi('IssuedApiKey')

const draft = {
  name: z.string().max(64),
  safelist: z.array(z.string().max(64)).max(10_000),
  permissions: z.array(z.string().max(82)).max(200).nullable(),
  notBefore: instantOrNull,
  expiresAt: instantOrNull,
}

export const newApiKey = z
  .strictObject({
    ...z.strictObject(draft).partial().required({ name: true }).shape,
    userId: anyId.optional().openapi({ description: "Whose it is; else one's own" }),
  })
  .openapi('NewApiKey')

export const apiKeyPatch = z
  .strictObject({ ...draft, enabled: z.boolean() })
  .partial()
  .openapi('ApiKeyPatch')

export const rotation = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(90 * 86_400)
      .openapi({ description: 'How long the secret before stays good; 0: it ends at once' }),
  })
  .openapi('ApiKeyRotation')

export const apiKeyQuery = z.strictObject({
  ...pageQuery,
  userId: anyId.optional().openapi({ description: 'Whose they are' }),
})

/** A key as the API shows one. */
export const apiKeyBody = (view: ApiKeyView): z.input<typeof apiKey> => {
  const { id, name, userId, username, enabled, createdBy } = view
  return {
    ...{ id, name, userId, username, enabled, createdBy },
    safelist: [...view.safelist],
    permissions: view.permissions && [...view.permissions],
    notBefore: timeOrNull(view.notBefore),
    expiresAt: timeOrNull(view.expiresAt),
    previousSecretUntil: timeOrNull(view.previousUntil),
    lastUse:
      view.lastUsedAt === null
        ? null
        : { at: timeOf(view.lastUsedAt), source: view.lastUsedSource },
    createdAt: timeOf(view.createdAt),
    updatedAt: timeOf(view.updatedAt),
  }
}
