import { editSettings } from '../../db/account-changes.ts'
import { findAccount, type Account } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { isStale } from '../etag.ts'
import { timeOf } from '../fields.ts'
import { claimRights } from '../guard.ts'
import { createRoutes } from '../routes.ts'
import { ownAccount, settingsEdit } from './account-schemas.ts'

const shown = ({ id, name, type, region, settings, createdAt, updatedAt, version }: Account) => ({
  body: {
    ...{ id, name, type, region },
    ...settings,
    ...{ createdAt: timeOf(createdAt), updatedAt: timeOf(updatedAt) },
  },
  version,
})

const common = {
  path: '/account',
  tag: 'Account',
  permission: 'account/manage',
  answer: ownAccount,
} as const

/** The settings of the account that the caller belongs to. */
export const createAccountRoutes = ({ database, enter }: ApiDeps) => {
  const { app, add } = createRoutes(enter)

  const find = async (caller: Caller): Promise<Account> => {
    const found = await findAccount(database, caller.user.accountId)
    if (found === undefined) throw new Error('a caller without an account')
    return found
  }

  add(
    {
      ...common,
      operationId: 'readAccount',
      method: 'get',
      summary: 'The own account and its settings',
    },
    async ({ caller }) => shown(await find(caller)),
  )
  add(
    {
      ...common,
      operationId: 'editAccountSettings',
      method: 'patch',
      summary: 'Edit the settings of the own account',
      description:
        'What is left out stays as it is. In force at once, also for what is open: shorter sessions end, a lower limit of binds unbinds.',
      body: settingsEdit,
      refusals: ['forbidden'],
    },
    async ({ caller, body, ifMatch }) => {
      const { actor } = caller
      const { accountId } = caller.user
      const edited = await transact(database, async (tx) => {
        const rights = await claimRights(tx, caller)
        if ('refused' in rights) return rights
        const before = await findAccount(tx, accountId)
        if (before !== undefined && isStale(ifMatch, before.version))
          return { refused: 'stale' } as const
        return editSettings(tx, { actor, accountId, settings: body })
      })
      return 'id' in edited ? shown(edited) : edited
    },
  )
  return app
}
