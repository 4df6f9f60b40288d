import { transact, type Transaction } from '../../db/database.ts'
import { findRoles, grantsOfRole } from '../../db/roles.ts'
import type { UserSort } from '../../db/user-order.ts'
import { countUsersOf, findUserPage } from '../../db/user-search.ts'
import { createUser, type NewUser, type NotCreated } from '../../db/users.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { mayGrant } from '../guard.ts'
import { pageOf, parseCursor, writeCursor, type Position } from '../paging.ts'
import type { Faulty, Refused } from '../problems.ts'
import { createRoutes } from '../routes.ts'
import { readUser, userBody } from './user-bodies.ts'
import { editProfile } from './user-edit.ts'
import { newUser, profilePatch, user, userQuery } from './user-schemas.ts'

/** What creating needs beside the route's permission: the roles' own, and those of the access controls. */
const neededFor = (
  { apiAccess, safelist }: Pick<NewUser, 'apiAccess' | 'safelist'>,
  grants: readonly string[],
): readonly string[] => [
  ...grants,
  ...(apiAccess === undefined ? [] : ['api-access/manage']),
  ...(safelist === undefined ? [] : ['safelist/manage']),
]

/** The faults of a new user, as the body names its fields. */
const renamed = ({ faults }: Extract<NotCreated, { readonly faults: unknown }>): Faulty => ({
  faults: faults.map(({ path, message }) => ({
    path: path.replace(/^entries/, 'safelist'),
    message,
  })),
})

const createBy = async (
  tx: Transaction,
  caller: Caller,
  wanted: NewUser,
): Promise<string | Refused | Faulty> => {
  const granted = await findRoles(tx, wanted.accountId, wanted.roles ?? [])
  if (granted === undefined)
    return { faults: [{ path: 'roles', message: 'names a role that there is not' }] }
  const needed = neededFor(wanted, granted.flatMap(grantsOfRole))
  if (!(await mayGrant(tx, caller, needed))) return { refused: 'beyond-own-rights' }
  const made = await createUser(tx, wanted)
  if ('id' in made) return made.id
  return 'faults' in made ? renamed(made) : made
}

/** Where a page of this order ended: instants go by numbers, names by texts. */
const positionOf = (cursor: string, sort: string): Position | undefined => {
  const at = parseCursor(cursor, sort)
  const goesByTime = /^-?(lastSignIn|createdAt)$/.test(sort)
  return at !== undefined && (typeof at[1] === 'number') === goesByTime ? at : undefined
}

export const createUserRoutes = (deps: ApiDeps) => {
  const { database } = deps
  const { app, add } = createRoutes(deps.enter)

  const show = async (caller: Caller, id: string) =>
    (await readUser(deps, { id, accountId: caller.user.accountId })) ??
    ({ refused: 'not-found' } as const)

  add(
    {
      operationId: 'listUsers',
      method: 'get',
      path: '/users',
      tag: 'Users',
      summary: 'List users: search, filter, sort, page',
      permission: 'users/view',
      query: userQuery,
      answer: pageOf(user),
    },
    async ({ caller, query }) => {
      const { limit, after: cursor, count, sort, ...filter } = query
      const { accountId } = caller.user
      const after = cursor === undefined ? undefined : positionOf(cursor, sort)
      if (cursor !== undefined && after === undefined)
        return { faults: [{ path: 'after', message: 'is no page of this list' }] }
      const { views, next } = await findUserPage(database.aside, {
        accountId,
        filter,
        sort: sort.replace('-', '') as UserSort,
        descending: sort.startsWith('-'),
        after: after && { key: after[1], id: after[2] },
        limit,
      })
      const total =
        count === true ? await countUsersOf(database.aside, accountId, filter) : undefined
      const items = views.map((view) => userBody(view))
      return {
        body: { items, next: next ? writeCursor([sort, next.key, next.id]) : null, total },
      }
    },
  )

  add(
    {
      operationId: 'createUser',
      method: 'post',
      path: '/users',
      tag: 'Users',
      summary: 'Create a user',
      permission: 'users/manage',
      body: newUser,
      takesLong: true,
      answer: user,
      status: 201,
      refusals: ['beyond-own-rights', 'username-taken', 'email-taken'],
    },
    async ({ caller, body }) => {
      const { accountId } = caller.user
      const made = await transact(database, (tx) =>
        createBy(tx, caller, { ...body, actor: caller.actor, accountId }),
      )
      return typeof made === 'string' ? show(caller, made) : made
    },
  )

  add(
    {
      operationId: 'readUser',
      method: 'get',
      path: '/users/{id}',
      tag: 'Users',
      summary: 'A user, with the lock if there is one',
      permission: 'users/view',
      answer: user,
    },
    ({ caller, params }) => show(caller, params.id),
  )

  add(
    {
      operationId: 'editUser',
      method: 'patch',
      path: '/users/{id}',
      tag: 'Users',
      summary: 'Edit a profile',
      permission: 'users/manage',
      body: profilePatch,
      answer: user,
      refusals: ['beyond-own-rights', 'email-taken'],
    },
    async ({ caller, params: { id }, body, ifMatch }) =>
      (await editProfile(deps, { caller, userId: id, profile: body, ifMatch })) ?? show(caller, id),
  )
  return app
}
