import { and, eq, gt, lt, sql, type SQL } from 'drizzle-orm'
import { users } from './schema/users.ts'
import { lastSignInKey, type UserFilter } from './user-filter.ts'
import type { UserRow } from './user-rows.ts'

/** What of a row a list goes by. */
export type SortedRow = Pick<
  UserRow,
  'id' | 'nameKey' | 'usernameKey' | 'emailKey' | 'lastSignInAt' | 'createdAt'
>

/** What each sort goes by. Who has no address, or never signed in, comes before all others. */
export const sorts = {
  name: { key: sql`${users.nameKey}`, of: (row: SortedRow) => row.nameKey },
  username: { key: sql`${users.usernameKey}`, of: (row: SortedRow) => row.usernameKey },
  email: { key: sql`coalesce(${users.emailKey}, '')`, of: (row: SortedRow) => row.emailKey ?? '' },
  lastSignIn: {
    key: lastSignInKey,
    of: (row: SortedRow) => row.lastSignInAt ?? 0,
  },
  createdAt: { key: sql`${users.createdAt}`, of: (row: SortedRow) => row.createdAt },
} as const satisfies Record<string, { key: SQL; of: (row: SortedRow) => string | number }>

export type UserSort = keyof typeof sorts

/** Where the page before ended. */
export type UserPosition = { readonly key: string | number; readonly id: string }

export type UserPage = {
  readonly accountId: string
  readonly filter: UserFilter
  readonly sort: UserSort
  readonly descending: boolean
  readonly after?: UserPosition | undefined
  readonly limit: number
}

/** The same value as no index has it: a few rows are sorted, and not looked for in the order of all. */
export const withoutIndex = (key: SQL, sort: UserSort): SQL =>
  sort === 'lastSignIn' || sort === 'createdAt' ? sql`${key} + 0` : sql`${key} || ''`

/**
 * What stands behind a position: first the rest of those that are equal in what is sorted by, then
 * those beyond. As one condition it would not be answered from an index.
 */
export const behind = (
  key: SQL,
  { descending, after }: Pick<UserPage, 'descending' | 'after'>,
): readonly (SQL | undefined)[] => {
  if (after === undefined) return [undefined]
  const beyond = descending ? lt : gt
  return [and(eq(key, after.key), beyond(users.id, after.id)), beyond(key, after.key)]
}
