import { hash } from '@node-rs/argon2'
import { createApiKey } from '../../db/api-keys.ts'
import { createRole } from '../../db/custom-roles.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { createInvite } from '../../db/invites.ts'
import { systemActor } from '../../db/record.ts'
import { addGrants } from '../../db/roles.ts'
import { authenticators, devices } from '../../db/schema/credentials.ts'
import { digestToken } from '../../db/secrets.ts'
import { createSession } from '../../db/sessions.ts'
import { createUser } from '../../db/users.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import type { TestAdmin } from './admin.ts'
import { made } from './database.ts'
import { basic } from './gateway.ts'

/** A user, and what is theirs, by the collection in the path under which it stands. */
export type Owner = {
  readonly userId: string
  readonly accountId: string
  /** Authorization by their password, and by an API key that may do all that they may. */
  readonly byPassword: string
  readonly byKey: string
  readonly idIn: (collection: string) => string
}

export type NewOwner = {
  readonly accountId: string
  readonly role: string
  /** What their custom role gives, and the role that their invite gives. */
  readonly gives: { readonly permissions: readonly string[]; readonly role: string }
  /** Whether they hold that custom role. */
  readonly isGiven?: boolean
}

/** Stands in all secrets that are made here. */
export const planted = 'planted'

const actor = systemActor
const held = compilePermissions(['*', 'api-access/manage', 'safelist/manage'])
const day = 86_400_000

type Making = NewOwner & {
  readonly tx: Transaction
  readonly userId: string
  readonly name: string
}

/** How one of each collection is made, and its id. */
const makers: Readonly<Record<string, (of: Making) => Promise<string> | string>> = {
  users: ({ userId }) => userId,
  accounts: ({ accountId }) => accountId,
  roles: async ({ tx, accountId, userId, name, gives: { permissions }, isGiven }) => {
    const { id } = made(await createRole(tx, { actor, accountId, held, name, permissions }))
    if (isGiven === true) await addGrants(tx, { actor, userId, roleIds: [id] })
    return id
  },
  'api-keys': async ({ tx, userId, name }) =>
    made(await createApiKey(tx, { actor, userId, name, digest: digestToken(`key ${name}`) })).id,
  invites: async ({ tx, accountId, userId, name, gives: { role } }) => {
    const given = { email: `${name}@invited.example`, roles: [role], digest: digestToken(name) }
    return made(await createInvite(tx, { actor: { ...actor, userId }, accountId, held, ...given }))
      .id
  },
  sessions: async ({ tx, userId, name }) => {
    const session = { actor, userId, kind: 'token' as const, digest: digestToken(name) }
    return made(await createSession(tx, { ...session, lifeMs: day })).id
  },
  devices: async ({ tx, userId, name: id }) => {
    const at = tx.now()
    await tx.queries.insert(devices).values({
      ...{ id, userId, name: 'browser', digest: digestToken(id), credentialEpoch: 1 },
      ...{ createdAt: at, lastUsedAt: at, lastSource: '192.0.2.1', expiresAt: at + day },
    })
    return id
  },
  authenticators: async ({ tx, userId, name: id }) => {
    const at = tx.now()
    const row = {
      id,
      userId,
      name: 'phone',
      sealedSeed: `${planted} seed of ${id}`,
      confirmedAt: at,
    }
    await tx.queries.insert(authenticators).values({ ...row, createdAt: at })
    return id
  },
}

/** Makes users with what the paths of an API speak of; one hash for all, which costs next to nothing. */
export const createOwners = async ({ core }: TestAdmin, password: string) => {
  const passwordHash = await hash(password, { memoryCost: 8, timeCost: 1, outputLen: 32 })
  let serial = 0
  return async (owner: NewOwner, collections: readonly string[]): Promise<Owner> => {
    const { accountId, role } = owner
    const name = `owner-${++serial}`
    const key = `${planted}-key-of-${name}`
    const ids = new Map<string, string>()
    const user = await transact(core.database, async (tx) => {
      const profile = {
        ...{ username: name, email: `${name}@example.com`, passwordHash, roles: [role] },
        apiAccess: { http: true, smpp: true },
      }
      const row = made(await createUser(tx, { actor, accountId, ...profile }))
      const of = { actor, userId: row.id, name: 'key', digest: digestToken(key) }
      made(await createApiKey(tx, of))
      for (const collection of collections) {
        const make = makers[collection]
        if (make !== undefined)
          ids.set(collection, await make({ ...owner, tx, userId: row.id, name }))
      }
      return row
    })
    if (collections.includes('decisions')) {
      const refusal = { channel: 'http', user, target: `GET /${name}` }
      ids.set('decisions', core.refusals.record({ ...refusal, reason: 'secret-wrong' }))
      await core.refusals.flush()
    }
    return {
      ...{ userId: user.id, accountId },
      ...{ byPassword: basic(name, password), byKey: `App ${key}` },
      idIn: (collection) => {
        const id = ids.get(collection)
        if (id === undefined) throw new Error(`test/support/api-things.ts makes no ${collection}`)
        return id
      },
    }
  }
}
