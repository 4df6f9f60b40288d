import { Option, type Command } from 'commander'
import { transact, type Database, type Transaction } from '../../db/database.ts'
import { unlockUser } from '../../db/locks.ts'
import { findUserView, findUserViews, type UserView } from '../../db/user-views.ts'
import { findUserByName, type UserRow } from '../../db/user-rows.ts'
import { setUserEnabled } from '../../db/users.ts'
import { foldUsername } from '../../policies/names.ts'
import { answer, cliActor, timeOf, withDatabase, type Options, type Shell } from './shell.ts'

const pageSize = 500

type ListOptions = Options & { readonly search?: string; readonly status?: string }

const lockOf = (locks: UserView['locks']) => {
  const [first] = locks
  if (first === undefined) return null
  return {
    since: timeOf(first.lockedAt),
    until: timeOf(Math.max(...locks.map(({ lockedUntil }) => lockedUntil))),
    buckets: locks.map(({ bucket, consecutive, channels, sources }) => ({
      source: bucket,
      failures: consecutive,
      channels,
      sources,
    })),
  }
}

/** The user as the admin API shows one. */
const shown = ({ locks, version: _, ...view }: UserView) => ({
  ...view,
  lock: lockOf(locks),
  lastSignIn: view.lastSignIn && { ...view.lastSignIn, at: timeOf(view.lastSignIn.at) },
  deletionRequestedAt: view.deletionRequestedAt && timeOf(view.deletionRequestedAt),
  createdAt: timeOf(view.createdAt),
  updatedAt: timeOf(view.updatedAt),
})

const rolesOf = ({ roles }: UserView): string => roles.map(({ name }) => name).join(', ')

const row = (view: UserView): string =>
  [
    view.username.padEnd(24),
    view.status.padEnd(8),
    (view.email ?? '').padEnd(32),
    rolesOf(view),
  ].join('  ')

/** Page by page, so that a million users are no more trouble than a few. */
const list = async (shell: Shell, options: ListOptions): Promise<void> => {
  const { search, status, json } = options
  await withDatabase(shell, options, async (database) => {
    let after: string | undefined = ''
    while (after !== undefined) {
      const views: readonly UserView[] = await findUserViews(database, {
        after,
        limit: pageSize,
        ...(search === undefined ? {} : { search }),
      })
      for (const view of views)
        if (status === undefined || view.status === status)
          await shell.print(json === true ? `${JSON.stringify(shown(view))}\n` : `${row(view)}\n`)
      const last = views.at(-1)
      after = last && foldUsername(last.username)
    }
  })
}

const unknown = (name: string): Error => new Error(`there is no user ${JSON.stringify(name)}`)

const lockLines = (view: UserView): readonly string[] =>
  view.locks.map(({ bucket, lockedAt, lockedUntil, consecutive, channels, sources }) => {
    const until = timeOf(lockedUntil) ?? 'somebody unlocks'
    return `locked        ${bucket}: since ${String(timeOf(lockedAt))} until ${until}, ${consecutive} wrong over ${channels.join(', ')} from ${sources.join(', ')}`
  })

const onOff = (allowed: boolean): string => (allowed ? 'allowed' : 'refused')

const linesOf = (view: UserView): readonly string[] => [
  `username      ${view.username}`,
  `id            ${view.id}`,
  `name          ${`${view.firstName} ${view.lastName}`.trim()}`,
  `e-mail        ${view.email ?? ''}`,
  `status        ${view.status}`,
  ...lockLines(view),
  `roles         ${rolesOf(view)}`,
  `basic         HTTP ${onOff(view.apiAccess.http)}, SMPP ${onOff(view.apiAccess.smpp)}`,
  `safelist      ${view.safelistSize === 0 ? 'every address' : `ranges: ${view.safelistSize}`}`,
  `last sign-in  ${view.lastSignIn === null ? 'never' : String(timeOf(view.lastSignIn.at))}`,
]

const show = (shell: Shell, name: string, options: Options): Promise<void> =>
  withDatabase(shell, options, async (database) => {
    const view = await findUserView(database, name)
    if (view === undefined) throw unknown(name)
    await answer(shell, options, shown(view), linesOf(view))
  })

type Done = { readonly said: string } | { readonly refused: string }

const refusals: Readonly<Record<string, string>> = {
  'last-admin': 'is the last active Account admin of the account, and stays',
  'user-unknown': 'is gone',
}

/** Changes one user and shows what became of it. */
const change = (
  shell: Shell,
  name: string,
  options: Options,
  work: (tx: Transaction, user: UserRow) => Promise<Done>,
): Promise<void> =>
  withDatabase(shell, options, async (database: Database) => {
    const done = await transact(database, async (tx) => {
      const user = await findUserByName(tx, name)
      if (user === undefined) throw unknown(name)
      return work(tx, user)
    })
    if ('refused' in done) throw new Error(`${name} ${refusals[done.refused] ?? done.refused}`)
    const view = await findUserView(database, name)
    await answer(shell, options, view && shown(view), [done.said])
  })

const unlock = async (tx: Transaction, { id, username }: UserRow): Promise<Done> => {
  const unlocked = await unlockUser(tx, { actor: cliActor, userId: id })
  if ('refused' in unlocked) return unlocked
  return unlocked.cleared.length === 0
    ? { said: `${username} was not locked; failures counted up to now are forgotten` }
    : { said: `${username} is unlocked` }
}

const setEnabled =
  (enabled: boolean) =>
  async (tx: Transaction, { id, username }: UserRow): Promise<Done> => {
    const set = await setUserEnabled(tx, { actor: cliActor, userId: id, enabled })
    return 'refused' in set ? set : { said: `${username} is ${enabled ? 'enabled' : 'disabled'}` }
  }

export const addUserCommands = (user: Command, shell: Shell): void => {
  user
    .command('list')
    .description('all users, in the order of their names')
    .option('--search <text>', 'in username, name or e-mail')
    .addOption(new Option('--status <status>').choices(['active', 'locked', 'disabled']))
    .action((_, command: Command) => list(shell, command.optsWithGlobals()))
  user
    .command('show <name>')
    .description('one user, with locks and roles')
    .action((name: string, _, command: Command) => show(shell, name, command.optsWithGlobals()))
  const changes = [
    ['unlock', 'forget locks and failures', unlock],
    ['disable', 'end everything of the user and let nothing in', setEnabled(false)],
    ['enable', 'let the user in again', setEnabled(true)],
  ] as const
  for (const [word, description, work] of changes)
    user
      .command(`${word} <name>`)
      .description(description)
      .action((name: string, _, command: Command) =>
        change(shell, name, command.optsWithGlobals(), work),
      )
}
