import { and, asc, eq, inArray } from 'drizzle-orm'
import type { Reader } from './database.ts'
import { locks } from './schema/audit.ts'
import { roles, userRoles, users } from './schema/users.ts'
import { isInForce } from './user-filter.ts'
import type { UserPage } from './user-order.ts'
import { streamRows } from './user-search.ts'
import type { Status } from './user-views.ts'

/** A user as an export shows one; time in ms since the epoch. */
export type UserLine = {
  readonly name: string
  readonly username: string
  readonly email: string | null
  /** Names, in their order. */
  readonly roles: readonly string[]
  readonly lastSignInAt: number | null
  readonly status: Status
}

const columns = {
  id: users.id,
  nameKey: users.nameKey,
  usernameKey: users.usernameKey,
  emailKey: users.emailKey,
  lastSignInAt: users.lastSignInAt,
  createdAt: users.createdAt,
  firstName: users.firstName,
  lastName: users.lastName,
  username: users.username,
  email: users.email,
  enabled: users.enabled,
}

const rowsAtOnce = 1000

const findRoleNames = async (reader: Reader, accountId: string) => {
  const found = await reader.queries
    .select({ id: roles.id, name: roles.name })
    .from(roles)
    .where(eq(roles.accountId, accountId))
    .orderBy(asc(roles.nameKey))
  return new Map(found.map(({ id, name }, order) => [id, { name, order }] as const))
}

type Named = { readonly name: string; readonly order: number }

/** What belongs to these users, in two queries however many they are. */
const findBelongings = async (reader: Reader, ids: string[], named: ReadonlyMap<string, Named>) => {
  const held = await reader.queries
    .select({ userId: userRoles.userId, roleId: userRoles.roleId })
    .from(userRoles)
    .where(inArray(userRoles.userId, ids))
  const locked = await reader.queries
    .select({ userId: locks.userId })
    .from(locks)
    .where(and(inArray(locks.userId, ids), isInForce(reader)))
  const rolesOf = new Map<string, Named[]>()
  for (const { userId, roleId } of held) {
    const role = named.get(roleId)
    const others = rolesOf.get(userId)
    if (role === undefined) continue
    if (others === undefined) rolesOf.set(userId, [role])
    else others.push(role)
  }
  return { rolesOf, locked: new Set(locked.map(({ userId }) => userId)) }
}

const namesOf = (held: readonly Named[] = []): readonly string[] =>
  held.toSorted((a, b) => a.order - b.order).map(({ name }) => name)

/** All that a list shows, in its order, some users at a time and those alone in memory. */
export const streamUserLines = async function* (
  reader: Reader,
  list: Omit<UserPage, 'after' | 'limit'>,
): AsyncGenerator<readonly UserLine[]> {
  const named = await findRoleNames(reader, list.accountId)
  const pages = streamRows(reader, { ...list, limit: rowsAtOnce }, ({ where, orderBy, limit }) =>
    reader.queries
      .select(columns)
      .from(users)
      .where(where)
      .orderBy(...orderBy)
      .limit(limit),
  )
  for await (const rows of pages) {
    const ids = rows.map(({ id }) => id)
    const { rolesOf, locked } = await findBelongings(reader, ids, named)
    yield rows.map(({ id, firstName, lastName, username, email, lastSignInAt, enabled }) => ({
      name: `${firstName} ${lastName}`.trim(),
      username,
      email,
      roles: namesOf(rolesOf.get(id)),
      lastSignInAt,
      status: !enabled ? 'disabled' : locked.has(id) ? 'locked' : 'active',
    }))
  }
}
