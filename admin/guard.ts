import { accountAdmin } from '../db/admins.ts'
import type { Transaction } from '../db/database.ts'
import { findRolesOf, grantsOfRole } from '../db/roles.ts'
import { findUser, type UserRow } from '../db/user-rows.ts'
import {
  beyond,
  compilePermissions,
  holds,
  noPermissions,
  type Permissions,
} from '../policies/permissions.ts'
import { effectiveOf, type Caller } from './caller.ts'
import { isStale } from './etag.ts'
import type { Refused } from './problems.ts'

/**
 * The one law of administration (U5): nobody grants, edits or touches more than they hold. All of it
 * is asked inside the transaction that makes the change, so that it is true when that is committed.
 */

/** What a user's roles give as of this transaction; nothing to who is disabled. */
const permissionsOf = async (tx: Transaction, user: UserRow | undefined): Promise<Permissions> =>
  user?.enabled === true
    ? compilePermissions((await findRolesOf(tx, user.id)).flatMap(grantsOfRole))
    : noPermissions

/** What the caller may do now: what the decision saw may have been taken since. */
export const readRights = async (tx: Transaction, caller: Caller): Promise<Permissions> =>
  effectiveOf(caller, await permissionsOf(tx, await findUser(tx, caller.user.id)))

/** Whether the caller still holds what the route demands, and all of these grants. */
export const mayGrant = async (
  tx: Transaction,
  caller: Caller,
  grants: readonly string[],
): Promise<boolean> => {
  const rights = await readRights(tx, caller)
  const isIn = caller.permission === undefined || holds(rights, caller.permission)
  return isIn && beyond(grants, rights).length === 0
}

/** Whether a user is the caller's own affair: themselves, but for a key that says what it may do. */
export const isOwnAffair = (caller: Caller, userId: string): boolean =>
  userId === caller.user.id && caller.key?.permissions === undefined

/**
 * Whether the caller came by a key that is less than its user: narrowed, from some addresses alone,
 * or with an end. With it they would make themselves one that is more.
 */
export const isByLesserKey = ({ key }: Caller): boolean =>
  key !== undefined &&
  !(key.permissions === undefined && key.safelist.allowsAll && key.expiresAt === undefined)

/**
 * Whether a key is used on who its user is: where mails and PINs go, what is asked for at a sign-in.
 * Those are of the password: who found a key would take over the user.
 */
export const isIdentityByKey = (caller: Caller, userId: string): boolean =>
  userId === caller.user.id && caller.key !== undefined

/** Whether the caller may look at what is a user's own: theirs, or anybody's with this permission. */
export const maySee = (caller: Caller, userId: string, permission: string): boolean =>
  isOwnAffair(caller, userId) || holds(effectiveOf(caller, caller.user.permissions), permission)

/** Whether the caller is an Account admin, which some fields of one's own demand (U6). */
export const isAccountAdmin = async (tx: Transaction, caller: Caller): Promise<boolean> =>
  (await findRolesOf(tx, caller.user.id)).some(({ predefined }) => predefined === accountAdmin)

/**
 * A user whom the caller may change: of the same account, and holding no more than the caller, who
 * is disabled or not. `ifMatch` is the version that the change is meant for.
 */
export const findTouchable = async (
  tx: Transaction,
  caller: Caller,
  userId: string,
  ifMatch?: string,
): Promise<UserRow | Refused> => {
  const user = await findUser(tx, userId)
  if (user?.accountId !== caller.user.accountId) return { refused: 'not-found' }
  const held = (await findRolesOf(tx, userId)).flatMap(grantsOfRole)
  if (!(await mayGrant(tx, caller, isOwnAffair(caller, userId) ? [] : held)))
    return { refused: 'beyond-own-rights' }
  return isStale(ifMatch, user.version) ? { refused: 'stale' } : user
}

/**
 * The same of a route that demands nothing, for what is a user's own affair: another's needs a
 * permission, and without it nobody learns which ids there are.
 */
export const findOwnOrTouchable = async (
  tx: Transaction,
  caller: Caller,
  {
    userId,
    permission,
    ifMatch,
  }: {
    readonly userId: string
    readonly permission: string
    readonly ifMatch?: string | undefined
  },
): Promise<UserRow | Refused> => {
  if (isOwnAffair(caller, userId)) return findTouchable(tx, caller, userId, ifMatch)
  const asked = { ...caller, permission }
  if (!(await mayGrant(tx, asked, []))) return { refused: 'forbidden' }
  return findTouchable(tx, asked, userId, ifMatch)
}

/** The same for who a user is, which is nothing for a key of theirs. */
export const findIdentity = async (
  tx: Transaction,
  caller: Caller,
  of: Parameters<typeof findOwnOrTouchable>[2],
): Promise<UserRow | Refused> =>
  isIdentityByKey(caller, of.userId)
    ? { refused: 'beyond-own-rights' }
    : findOwnOrTouchable(tx, caller, of)

/** What the caller may do now, if that is still what the route demands. */
export const claimRights = async (
  tx: Transaction,
  caller: Caller,
): Promise<Permissions | Refused> =>
  (await mayGrant(tx, caller, [])) ? readRights(tx, caller) : { refused: 'forbidden' }
