import { eq } from 'drizzle-orm'
import { foldUsername } from '../policies/names.ts'
import type { Reader } from './database.ts'
import { users } from './schema/users.ts'

/** A row with every column, hashes too: never to be answered or logged as it is. */
export type UserRow = typeof users.$inferSelect

export const findUser = async (reader: Reader, id: string): Promise<UserRow | undefined> =>
  (await reader.queries.select().from(users).where(eq(users.id, id)))[0]

export const findUserByName = async (
  reader: Reader,
  username: string,
): Promise<UserRow | undefined> =>
  (
    await reader.queries
      .select()
      .from(users)
      .where(eq(users.usernameKey, foldUsername(username)))
  )[0]

/** A user of this account; those of others are as good as none. */
export const findUserOf = async (
  reader: Reader,
  accountId: string,
  id: string,
): Promise<UserRow | undefined> => {
  const user = await findUser(reader, id)
  return user?.accountId === accountId ? user : undefined
}
