import { isUtf8 } from 'node:buffer'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Command } from 'commander'
import { findAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { createGuessability } from '../../db/guessability.ts'
import { createHashing } from '../../db/hashing.ts'
import { findLocks } from '../../db/locks.ts'
import { setPassword } from '../../db/passwords.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { checkPassword, maxPasswordOctets } from '../../policies/passwords.ts'
import { answer, cliActor, withDatabase, type Options, type Shell } from './shell.ts'

/** Far more than any password has. */
const MOST_OCTETS = 4_096

/** At a terminal it is asked for, and not shown. */
const ask = async ({ input, say }: Shell): Promise<string> => {
  say(['New password:'])
  const output = new Writable({
    write: (_chunk, _encoding, done) => {
      done()
    },
  })
  const terminal = createInterface({ input, output, terminal: true })
  try {
    return await terminal.question('')
  } finally {
    terminal.close()
  }
}

/** Reads a password from standard input: all of it, without the end of its line. */
export const readPassword = async (shell: Shell): Promise<string> => {
  if (shell.input.isTTY) return ask(shell)
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of shell.input) {
    chunks.push(chunk as Buffer)
    octets += (chunk as Buffer).length
    if (octets > MOST_OCTETS)
      throw new Error(`password: takes at most ${maxPasswordOctets} bytes of UTF-8`)
  }
  const bytes = Buffer.concat(chunks)
  if (!isUtf8(bytes)) throw new Error('password: is not UTF-8')
  const password = bytes.toString().replace(/\r?\n$/, '')
  if (password === '') throw new Error('password: give it on standard input')
  return password
}

const change = async (shell: Shell, name: string, options: Options): Promise<void> =>
  withDatabase(shell, options, async (database) => {
    const user = await findUserByName(database, name)
    const account = user && (await findAccount(database, user.accountId))
    if (user === undefined || account === undefined)
      throw new Error(`there is no user ${JSON.stringify(name)}`)
    const password = await readPassword(shell)
    const faults = checkPassword(password, {
      rules: account.settings.passwords,
      guess: await createGuessability()(),
      hints: [user.username, user.email ?? '', user.firstName, user.lastName],
    })
    if (faults.length > 0)
      throw new Error(faults.map(({ path, message }) => `${path}: ${message}`).join('\n'))
    const hashed = await createHashing({ concurrency: 1 }).hash(Buffer.from(password))
    if (hashed.outcome !== 'hashed') throw new Error('the password could not be hashed')
    const change = { actor: cliActor, userId: user.id, hash: hashed.phc }
    const set = await transact(database, (tx) => setPassword(tx, change))
    if ('refused' in set) throw new Error(`${name} is gone`)
    const { id, username } = user
    const locks = await findLocks(database, id, database.now())
    await answer(shell, options, { id, username, locked: locks.length > 0 }, [
      `${username} has a new password`,
      ...(locks.length > 0 ? [`${username} is still locked; see \`user unlock\``] : []),
    ])
  })

export const addPasswordCommand = (user: Command, shell: Shell): void => {
  user
    .command('password <name>')
    .description('set a new password, read from standard input')
    .action((name: string, _, command: Command) => change(shell, name, command.optsWithGlobals()))
}
