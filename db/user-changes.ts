import { eq } from 'drizzle-orm'
import type { ChangeKind } from './changes.ts'
import type { Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { users } from './schema/users.ts'
import type { UserRow } from './user-rows.ts'

/** What the audit shows of a user; hashes are not among it. */
const shown = [
  'username',
  'email',
  'emailVerified',
  'firstName',
  'lastName',
  'language',
  'timeZone',
  'mobileNumber',
  'mobileVerified',
  'enabled',
  'httpBasic',
  'smppBasic',
  'bindLimit',
  'bindTypes',
  'submitRate',
  'twoFactorChannel',
  'twoFactorMode',
  'deletionRequestedAt',
  'credentialEpoch',
  'previousSmppPasswordUntil',
] as const satisfies readonly (keyof UserRow)[]

const differing = (row: UserRow, other: UserRow): Partial<UserRow> =>
  Object.fromEntries(
    shown.filter((name) => row[name] !== other[name]).map((name) => [name, row[name]]),
  )

/** The one way in which a row of `users` changes: with its news and its audit record. */
export const changeUser = async (
  tx: Transaction,
  {
    actor,
    user,
    kind,
    action,
    set,
  }: {
    readonly actor: Actor
    readonly user: UserRow
    readonly kind: ChangeKind
    readonly action: string
    readonly set: Partial<UserRow>
  },
): Promise<UserRow> => {
  const [changed] = await tx.queries
    .update(users)
    .set({ ...set, updatedAt: tx.now(), version: user.version + 1 })
    .where(eq(users.id, user.id))
    .returning()
  if (changed === undefined) throw new Error('the user to change is gone')
  await recordChange(tx, {
    actor,
    kind,
    action,
    accountId: user.accountId,
    user,
    before: differing(user, changed),
    after: differing(changed, user),
  })
  return changed
}

/** What belongs to a user is part of what is shown of it, so its version grows with it. */
export const touchUser = async (tx: Transaction, { id, version }: UserRow): Promise<void> => {
  await tx.queries
    .update(users)
    .set({ updatedAt: tx.now(), version: version + 1 })
    .where(eq(users.id, id))
}
