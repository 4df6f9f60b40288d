/**
 * Another process on the same database, told what to do by its arguments: `place job …`, a file or a URL. It sends
 * `ready` when it has come to the point, and goes on, or dies, as the job says.
 */
import Sqlite from 'better-sqlite3'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { createFeed } from '../../db/feed.ts'
import { openDatabase, transact } from '../../db/database.ts'
import { migrate, readMigrations } from '../../db/migrate.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor } from '../../db/record.ts'
import { setUserEnabled } from '../../db/users.ts'

const [place = '', job = '', ...more] = process.argv.slice(2)

const tell = (message: string): void => {
  process.send?.(message)
}

const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('still alive')
}

const at = place.startsWith('postgres') ? { url: place } : { file: place }
const open = () => openDatabase({ ...at, now: Date.now, random: randomBytes })

const jobs: Readonly<Record<string, () => Promise<void>>> = {
  /** Disables the user and dies before the commit. */
  dieInTransact: async () => {
    await transact(await open(), async (tx) => {
      await setUserEnabled(tx, { actor: systemActor, userId: more[0] ?? '', enabled: false })
      await wait(1)
      die()
    })
  },
  /** Disables the user and dies as soon as that is committed. */
  dieAfterTransact: async () => {
    const database = await open()
    await transact(database, (tx) =>
      setUserEnabled(tx, { actor: systemActor, userId: more[0] ?? '', enabled: false }),
    )
    die()
  },
  /** Sets another password and dies as soon as that is committed. */
  dieAfterPassword: async () => {
    const database = await open()
    await transact(database, (tx) =>
      setPassword(tx, { actor: systemActor, userId: more[0] ?? '', hash: 'another' }),
    )
    die()
  },
  /** Disables the user when told, and says so when it is committed. */
  disableOnWord: async () => {
    const database = await open()
    process.on('message', () => {
      void transact(database, (tx) =>
        setUserEnabled(tx, { actor: systemActor, userId: more[0] ?? '', enabled: false }),
      ).then(() => {
        tell('done')
      })
    })
    tell('ready')
  },
  /** Tells every change that the feed brings. */
  follow: async () => {
    const database = await open()
    await createFeed({
      database,
      elapsed: () => performance.now(),
      onChange: ({ seq }) => {
        tell(String(seq))
      },
      onReturn: die,
      onLost: die,
      onFound: die,
      onError: die,
    })
    // A feed alone keeps no process alive.
    process.on('message', () => undefined)
    tell('ready')
  },
  /** Is the writer until told to let go. */
  holdLock: async () => {
    await transact(await open(), async () => {
      const told = once(process, 'message')
      tell('ready')
      await told
    })
    process.exit(0)
  },
  /** Dies in the middle of the last migration. */
  dieInMigration: async () => {
    const connection = new Sqlite(place)
    connection.function('die', die)
    const migrations = readMigrations().map((migration, index, { length }) =>
      index === length - 1
        ? { ...migration, sql: [...migration.sql.slice(0, 1), 'select die()'] }
        : migration,
    )
    migrate(connection, migrations)
  },
  /** Opens, and says so. */
  open: async () => {
    await open()
    tell('ready')
    process.exit(0)
  },
}

await jobs[job]?.()
