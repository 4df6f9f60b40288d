import type { Command } from 'commander'
import { endOne, findOwner, findSessionBodies } from '../../admin/api/session-bodies.ts'
import { findAccountPage } from '../../db/account-changes.ts'
import type { Account } from '../../db/accounts.ts'
import { transact, type Reader } from '../../db/database.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { answer, cliActor, withDatabase, type Options, type Shell } from './shell.ts'

const pageSize = 500

const accountsOf = async function* (reader: Reader): AsyncGenerator<Account> {
  let after = ''
  for (;;) {
    const accounts = await findAccountPage(reader, { after, limit: pageSize })
    yield* accounts
    const last = accounts.at(-1)
    if (last === undefined) return
    after = last.name
  }
}

type ListOptions = Options & { readonly user?: string }

type Item = Awaited<ReturnType<typeof findSessionBodies>>[number]

const row = ({ id, kind, username, source, since, target, node }: Item): string =>
  [id, kind.padEnd(7), username.padEnd(24), (source ?? '').padEnd(15), since, target, node]
    .filter((cell) => cell !== null)
    .join('  ')

const list = async (shell: Shell, options: ListOptions): Promise<void> => {
  const { user: name, json } = options
  await withDatabase(shell, options, async (database) => {
    const user = name === undefined ? undefined : await findUserByName(database, name)
    if (name !== undefined && user === undefined)
      throw new Error(`there is no user ${JSON.stringify(name)}`)
    for await (const { id: accountId, settings } of accountsOf(database)) {
      if (user !== undefined && user.accountId !== accountId) continue
      const of = { accountId, settings, userId: user?.id, limit: pageSize }
      let after: string | undefined = ''
      while (after !== undefined) {
        const items: readonly Item[] = await findSessionBodies(database, { ...of, after })
        for (const item of items)
          await shell.print(`${json === true ? JSON.stringify(item) : row(item)}\n`)
        after = items.at(-1)?.id
      }
    }
  })
}

const end = (shell: Shell, id: string, options: Options): Promise<void> =>
  withDatabase(shell, options, async (database) => {
    const ended = await transact(database, async (tx) => {
      for await (const { id: accountId } of accountsOf(tx))
        if ((await findOwner(tx, { accountId, id })) !== undefined)
          return endOne(tx, { actor: cliActor, accountId, id })
      return { refused: 'not-found' } as const
    })
    if ('refused' in ended) throw new Error(`nothing that is open has the id ${JSON.stringify(id)}`)
    await answer(shell, options, { id, ended: true }, [`${id} is ended`])
  })

export const addSessionCommands = (program: Command, shell: Shell): void => {
  const sessions = program
    .command('sessions')
    .description('who is signed in, bound, or has a stream')
  sessions
    .command('list')
    .description('all of them, at all nodes, the oldest first')
    .option('--user <name>', 'of one user')
    .action((_, command: Command) => list(shell, command.optsWithGlobals()))
  sessions
    .command('end <id>')
    .description('end one; a running gateway does so within a second')
    .action((id: string, _, command: Command) => end(shell, id, command.optsWithGlobals()))
}
