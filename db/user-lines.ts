import { asc, eq, sql } from 'drizzle-orm'
import type { Reader } from './database.ts'
import { roles, userRoles, users } from './schema/users.ts'
import { isLocked } from './user-filter.ts'
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

/** Ids with commas between them, null for none: one query for all is what makes an export fast. */
const roleIdsOf = ({ queries, dialect }: Reader) => {
  const join = dialect === 'postgres' ? sql`string_agg` : sql`group_concat`
  const held = queries
    .select({ ids: sql`${join}(${userRoles.roleId}, ',')` })
    .from(userRoles)
    .where(eq(userRoles.userId, users.id))
  return sql<string | null>`${held}`
}

const columnsOf = (reader: Reader) => ({
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
  locked: sql<boolean>`${isLocked(reader)}`.mapWith(Boolean),
  roleIds: roleIdsOf(reader),
})

const rowsAtOnce = 1000

/** The names that belong to ids as `roleIdsOf` writes them: few combinations, so they are kept. */
const createNamesOf = async (reader: Reader, accountId: string) => {
  const all = await reader.queries
    .select({ id: roles.id, name: roles.name })
    .from(roles)
    .where(eq(roles.accountId, accountId))
    .orderBy(asc(roles.nameKey))
  const known = new Map<string, readonly string[]>()
  return (ids: string | null): readonly string[] => {
    if (ids === null) return []
    const found = known.get(ids)
    if (found !== undefined) return found
    const held = new Set(ids.split(','))
    const names = all.filter(({ id }) => held.has(id)).map(({ name }) => name)
    if (known.size < rowsAtOnce) known.set(ids, names)
    return names
  }
}

/** All that a list shows, in its order, some users at a time and those alone in memory. */
export const streamUserLines = async function* (
  reader: Reader,
  list: Omit<UserPage, 'after' | 'limit'>,
): AsyncGenerator<readonly UserLine[]> {
  const namesOf = await createNamesOf(reader, list.accountId)
  const columns = columnsOf(reader)
  const pages = streamRows(reader, { ...list, limit: rowsAtOnce }, ({ where, orderBy, limit }) =>
    reader.queries
      .select(columns)
      .from(users)
      .where(where)
      .orderBy(...orderBy)
      .limit(limit),
  )
  for await (const rows of pages)
    yield rows.map(({ firstName, lastName, username, email, lastSignInAt, ...row }) => ({
      name: `${firstName} ${lastName}`.trim(),
      username,
      email,
      roles: namesOf(row.roleIds),
      lastSignInAt,
      status: !row.enabled ? 'disabled' : row.locked ? 'locked' : 'active',
    }))
}
