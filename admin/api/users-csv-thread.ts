import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { openSnapshot, type SnapshotOf } from '../../db/snapshot.ts'
import { streamUserLines, type UserLine } from '../../db/user-lines.ts'
import type { UserPage } from '../../db/user-order.ts'
import { csvLine } from '../csv.ts'

export type UsersCsv = {
  readonly snapshot: SnapshotOf
  readonly list: Omit<UserPage, 'after' | 'limit'>
}

/** How far behind the threads that serve (nice(2)). */
const niceness = 10

const columns = ['Name', 'Username', 'Email', 'Roles', 'Last login', 'Status']

const lineOf = ({ name, username, email, roles, lastSignInAt: at, status }: UserLine): string => {
  const lastLogin = at === null ? null : new Date(at).toISOString()
  return csvLine([name, username, email, roles.join(', '), lastLogin, status])
}

const { snapshot, list } = workerData as UsersCsv

const chunks = async function* (): AsyncGenerator<string> {
  const { reader, close } = await openSnapshot(snapshot)
  try {
    yield csvLine(columns)
    for await (const lines of streamUserLines(reader, list)) yield lines.map(lineOf).join('')
  } finally {
    await close()
  }
}

// On Linux that is this thread alone: where the processors are busy, those who serve go first.
if (process.platform === 'linux') setPriority(niceness)

const made = chunks()
const encoder = new TextEncoder()

/** One chunk for each time that one is asked for, so that nothing is read that nobody takes. */
parentPort?.on('message', () => {
  void made.next().then(({ value, done }) => {
    if (done === true) return parentPort?.postMessage(undefined)
    const bytes = encoder.encode(value)
    parentPort?.postMessage(bytes, [bytes.buffer])
  })
})
