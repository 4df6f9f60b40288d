import { z } from '@hono/zod-openapi'
import {
  anyId,
  email,
  instant,
  instantOrNull,
  language,
  line,
  mobileNumber,
  time,
  timeZone,
  username,
} from '../fields.ts'
import { pageQuery, querySwitch } from '../paging.ts'

export const roleRef = z.object({ id: z.string(), name: z.string() }).openapi('RoleReference')

const channel = z.enum(['http', 'smpp', 'web'])

/** A lock as an admin looks at it (U8). */
const lock = z
  .object({
    since: time,
    until: time.nullable().openapi({ description: 'null: until an admin unlocks' }),
    buckets: z.array(
      z.object({
        source: z.string().openapi({
          description: 'The known source that is locked; unknown: all others; all: the whole user',
        }),
        since: time,
        until: time.nullable(),
        failures: z.int(),
        channels: z.array(channel),
        sources: z
          .array(z.string())
          .openapi({ description: 'Where the newest failures came from' }),
      }),
    ),
  })
  .openapi('Lock')

export const user = z
  .object({
    id: z.string(),
    username: z.string(),
    email: z.string().nullable(),
    emailVerified: z.boolean(),
    firstName: z.string(),
    lastName: z.string(),
    language: z.string(),
    timeZone: z.string(),
    mobileNumber: z.string().nullable(),
    mobileVerified: z.boolean(),
    status: z.enum(['active', 'locked', 'disabled']),
    enabled: z.boolean(),
    lock: lock.nullable(),
    roles: z.array(roleRef),
    apiAccess: z.object({ http: z.boolean(), smpp: z.boolean() }),
    safelistSize: z.int(),
    twoFactor: z.object({ channel: z.string(), mode: z.string() }),
    lastSignIn: z.object({ at: time, source: z.string().nullable(), channel }).nullable(),
    deletionRequestedAt: time.nullable(),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('User')

/** What of a profile may be edited; a contact that changes has to be verified anew. */
const profile = {
  email,
  firstName: line(100),
  lastName: line(100),
  language,
  timeZone,
  mobileNumber: mobileNumber.nullable(),
}

export const profilePatch = z.strictObject(profile).partial().openapi('ProfilePatch')

/** One range of a safelist, as it is written. */
const entry = z.strictObject({
  range: z.string().max(64).openapi({ example: '203.0.113.0/24' }),
  description: line(200).optional(),
  expiresAt: instantOrNull.optional(),
})

/** A whole safelist; what is wrong with ranges is said of all of them at once. */
export const writtenEntries = z.array(entry).max(10_000)

export const newUser = z
  .strictObject({
    username,
    ...z.strictObject(profile).partial().required({ email: true }).shape,
    mobileNumber: mobileNumber.optional(),
    enabled: z.boolean().optional(),
    roles: z.array(anyId).min(1).max(50).default(['api-user']),
    safelist: writtenEntries.optional(),
    apiAccess: z.strictObject({ http: z.boolean(), smpp: z.boolean() }).optional(),
  })
  .openapi('NewUser')

const sortNames = ['name', 'username', 'email', 'lastSignIn', 'createdAt'] as const

/** What narrows a list of users; the export to CSV takes the same. */
export const userFilter = {
  search: line(254).optional().openapi({
    description: 'Part of a name, username or e-mail address, in any case',
  }),
  status: z
    .enum(['active', 'locked', 'disabled'])
    .optional()
    .openapi({ description: 'Disabled, else locked, else active' }),
  role: anyId.optional().openapi({ description: 'The id of a role that they hold' }),
  locked: querySwitch.openapi({ description: 'Whether there is a lock, also of who is disabled' }),
  httpBasic: querySwitch.openapi({ description: 'Whether HTTP takes their basic credentials' }),
  smppBasic: querySwitch.openapi({ description: 'Whether SMPP takes their basic credentials' }),
  lastSignInBefore: instant.optional().openapi({ description: 'Or never' }),
  lastSignInAfter: instant.optional().openapi({ description: 'At this instant, or later' }),
  sort: z
    .enum(sortNames.flatMap((name) => [name, `-${name}`] as const))
    .default('name')
    .openapi({ description: 'With a minus: descending' }),
}

export const userQuery = z.strictObject({ ...pageQuery, ...userFilter })

export const userExportQuery = z.strictObject(userFilter)
