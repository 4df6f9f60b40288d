import type { z } from '@hono/zod-openapi'
import {
  countAccounts,
  editAccount,
  findAccountPage,
  openAccount,
} from '../../db/account-changes.ts'
import { findAccount, type Account } from '../../db/accounts.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { createUser } from '../../db/users.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { isStale } from '../etag.ts'
import { timeOf } from '../fields.ts'
import { claimRights } from '../guard.ts'
import { pageOf, parseCursor, writeCursor } from '../paging.ts'
import type { Faulty, Refused } from '../problems.ts'
import { createRoutes } from '../routes.ts'
import { account, accountEdit, accountQuery, newAccount } from './account-schemas.ts'

const bodyOf = ({ id, name, type, region, settings, createdAt, updatedAt }: Account) => ({
  ...{ id, name, type, region, settings },
  ...{ createdAt: timeOf(createdAt), updatedAt: timeOf(updatedAt) },
})

const shown = (row: Account) => ({ body: bodyOf(row), version: row.version })

const open = async (
  tx: Transaction,
  { actor }: Caller,
  { admin, ...wanted }: z.output<typeof newAccount>,
): Promise<Account | Refused | Faulty> => {
  if (admin !== undefined && (await findUserByName(tx, admin.username)) !== undefined)
    return { refused: 'username-taken' }
  const opened = await openAccount(tx, { ...wanted, actor })
  if (admin === undefined || !('id' in opened)) return opened
  const roles = ['account-admin']
  const made = await createUser(tx, { ...admin, actor, accountId: opened.id, roles })
  if (!('id' in made)) throw new Error('the first admin of a new account could not be made')
  return opened
}

/** The order of the list: one cursor is of no use to another list. */
const order = 'account'

const common = { tag: 'Platform', permission: 'accounts/manage' } as const

/** All accounts: the platform operator's. */
export const createAccountsRoutes = ({ database, enter }: ApiDeps) => {
  const { app, add } = createRoutes(enter)

  add(
    {
      ...common,
      operationId: 'listAccounts',
      method: 'get',
      path: '/accounts',
      summary: 'List accounts',
      query: accountQuery,
      answer: pageOf(account),
    },
    async ({ query: { limit, after: cursor, count } }) => {
      const after = cursor === undefined ? undefined : parseCursor(cursor, order)
      if (cursor !== undefined && after === undefined)
        return { faults: [{ path: 'after', message: 'is no page of this list' }] }
      const found = await findAccountPage(database, {
        after: after && String(after[1]),
        limit: limit + 1,
      })
      const items = found.slice(0, limit)
      const last = found.length > limit ? items.at(-1) : undefined
      return {
        body: {
          items: items.map(bodyOf),
          next: last ? writeCursor([order, last.name, last.id]) : null,
          total: count === true ? await countAccounts(database) : undefined,
        },
      }
    },
  )

  add(
    {
      ...common,
      operationId: 'createAccount',
      method: 'post',
      path: '/accounts',
      summary: 'Open an account, and make its first Account admin',
      body: newAccount,
      answer: account,
      status: 201,
      refusals: ['forbidden', 'name-taken', 'username-taken'],
    },
    async ({ caller, body }) => {
      const opened = await transact(database, async (tx) => {
        const rights = await claimRights(tx, caller)
        return 'refused' in rights ? rights : open(tx, caller, body)
      })
      return 'id' in opened ? shown(opened) : opened
    },
  )

  add(
    {
      ...common,
      operationId: 'readOneAccount',
      method: 'get',
      path: '/accounts/{id}',
      summary: 'An account and its settings',
      answer: account,
    },
    async ({ params: { id } }) => {
      const found = await findAccount(database, id)
      return found === undefined ? { refused: 'not-found' } : shown(found)
    },
  )

  add(
    {
      ...common,
      operationId: 'editAccount',
      method: 'patch',
      path: '/accounts/{id}',
      summary: 'Edit an account: name, type, region, settings',
      body: accountEdit,
      answer: account,
      refusals: ['forbidden', 'name-taken'],
    },
    async ({ caller, params: { id: accountId }, body: edit, ifMatch }) => {
      const edited = await transact(database, async (tx) => {
        const rights = await claimRights(tx, caller)
        if ('refused' in rights) return rights
        const before = await findAccount(tx, accountId)
        if (before !== undefined && isStale(ifMatch, before.version))
          return { refused: 'stale' } as const
        return editAccount(tx, { actor: caller.actor, accountId, edit })
      })
      return 'id' in edited ? shown(edited) : edited
    },
  )
  return app
}
