import { z } from '@hono/zod-openapi'
import { findAccount } from '../../db/accounts.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { createGuessability } from '../../db/guessability.ts'
import { setPassword, setSmppPassword, type PasswordSet } from '../../db/passwords.ts'
import type { Actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import type { Fault } from '../../policies/faults.ts'
import {
  checkPassword,
  checkSmppPassword,
  type Guess,
  type PasswordRules,
} from '../../policies/passwords.ts'
import { problemResponse } from '../../policies/problem.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { findIdentity } from '../guard.ts'
import { tryOwnPassword } from '../own-password.ts'
import type { Faulty, Refused } from '../problems.ts'
import { createRoutes } from '../routes.ts'
import { readUser } from './user-bodies.ts'
import { user } from './user-schemas.ts'

const currentPassword = z
  .string()
  .optional()
  .openapi({ description: "Needed for one's own, and for that alone; counted as a sign-in is" })

const newPassword = z.strictObject({ password: z.string(), currentPassword }).openapi('NewPassword')

const newSmppPassword = z
  .strictObject({
    password: z
      .string()
      .nullable()
      .openapi({ description: '8 to 64 octets of printable ASCII; null: the ordinary one binds' }),
    overlapSeconds: z
      .int()
      .min(0)
      .max(90 * 86_400)
      .default(0)
      .openapi({ description: 'How long what bound before stays good' }),
    currentPassword,
  })
  .openapi('NewSmppPassword')

type Subject = { readonly user: UserRow; readonly rules: PasswordRules; readonly guess: Guess }

type Change = {
  readonly caller: Caller
  readonly userId: string
  readonly ifMatch: string | undefined
  readonly target: string
  readonly password: string | null
  readonly current: string | undefined
  readonly faultsOf: (password: string, subject: Subject) => readonly Fault[]
  readonly set: (
    tx: Transaction,
    of: { readonly actor: Actor; readonly userId: string; readonly hash: string | null },
  ) => Promise<PasswordSet>
}

const hintsOf = ({ username, email, firstName, lastName }: UserRow): readonly string[] => [
  ...[username, email ?? '', firstName, lastName],
]

/**
 * Changes a secret: rights, rules and the current password first, so that nothing is hashed for
 * nobody; then the hash, outside of any transaction; then rights again with the change.
 */
const createChange = (deps: ApiDeps) => {
  const { database, hashing } = deps
  const loadGuess = createGuessability()

  const find = (tx: Transaction, { caller, userId, ifMatch }: Change): Promise<UserRow | Refused> =>
    findIdentity(tx, caller, { userId, permission: 'users/manage', ifMatch })

  const check = async (change: Change, user: UserRow): Promise<undefined | Faulty | Response> => {
    const { caller, password, current, target } = change
    const account = await findAccount(database, user.accountId)
    if (account === undefined) throw new Error('a user without an account')
    const subject = { user, rules: account.settings.passwords, guess: await loadGuess() }
    const isOwn = user.id === caller.user.id
    const faults = [
      ...(password === null ? [] : change.faultsOf(password, subject)),
      ...(isOwn || current === undefined
        ? []
        : [{ path: 'currentPassword', message: 'is asked for of oneself alone' }]),
    ]
    if (faults.length > 0) return { faults }
    return isOwn ? tryOwnPassword(deps, { caller, password: current, target }) : undefined
  }

  return async (change: Change): Promise<undefined | Refused | Faulty | Response> => {
    const { caller, userId, password } = change
    const user = await transact(database, (tx) => find(tx, change))
    if ('refused' in user) return user
    const wrong = await check(change, user)
    if (wrong !== undefined) return wrong
    const hashed = password === null ? undefined : await hashing.hash(Buffer.from(password))
    if (hashed?.outcome === 'overloaded')
      return problemResponse('overloaded', caller.decisionId, { now: database.now() })
    const { actor } = caller
    const set = await transact(database, async (tx): Promise<PasswordSet | Refused> => {
      const now = await find(tx, change)
      if ('refused' in now) return now
      if (now.credentialEpoch !== user.credentialEpoch) return { refused: 'stale' }
      return change.set(tx, { actor, userId, hash: hashed?.phc ?? null })
    })
    return 'refused' in set ? set : undefined
  }
}

const common = {
  method: 'post',
  tag: 'Users',
  permission: undefined,
  answer: user,
  refusals: ['forbidden', 'beyond-own-rights', 'stale'],
} as const

const whose =
  "One's own by the current one and not with a key, or with `users/manage` that of anybody who holds no more than oneself. What was let in by the one before ends."

export const createPasswordRoutes = (deps: ApiDeps) => {
  const { app, add } = createRoutes(deps.enter)
  const changeSecret = createChange(deps)

  const show = async ({ user: { accountId } }: Caller, id: string) =>
    (await readUser(deps, { id, accountId })) ?? ({ refused: 'not-found' } as const)

  add(
    {
      ...common,
      operationId: 'setPassword',
      path: '/users/{id}/password',
      summary: 'Set a password',
      description: whose,
      body: newPassword,
    },
    async ({ caller, params: { id }, body, ifMatch, c }) => {
      const { password, currentPassword: current } = body
      const refused = await changeSecret({
        ...{ caller, userId: id, ifMatch, password, current },
        target: `${c.req.method} ${c.req.path}`,
        faultsOf: (text, { user, rules, guess }) =>
          checkPassword(text, { rules, guess, hints: hintsOf(user) }),
        set: (tx, { hash, ...of }) => {
          if (hash === null) throw new Error('a password without a hash')
          return setPassword(tx, { ...of, hash })
        },
      })
      return refused ?? show(caller, id)
    },
  )
  add(
    {
      ...common,
      operationId: 'setSmppPassword',
      path: '/users/{id}/smpp-password',
      summary: 'Set a password for binds alone, or take it away',
      description: `${whose} What is bound stays so for the overlap.`,
      body: newSmppPassword,
    },
    async ({ caller, params: { id }, body, ifMatch, c }) => {
      const { password, overlapSeconds, currentPassword: current } = body
      const refused = await changeSecret({
        ...{ caller, userId: id, ifMatch, password, current },
        target: `${c.req.method} ${c.req.path}`,
        faultsOf: (text, { user, guess }) =>
          checkSmppPassword(text, { guess, hints: hintsOf(user) }),
        set: (tx, of) => setSmppPassword(tx, { ...of, overlapMs: overlapSeconds * 1000 }),
      })
      return refused ?? show(caller, id)
    },
  )
  return app
}
