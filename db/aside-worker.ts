import Sqlite from 'better-sqlite3'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'

/** A statement that reads; `one`: its first row alone. Rows are arrays in the order of the columns. */
export type Asked = {
  readonly text: string
  readonly values: readonly unknown[]
  readonly one: boolean
}

export type Answered =
  | { readonly rows: unknown[] | undefined }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } }

export type AsideData = { readonly file: string; readonly niceness: number }

const kept = 200
const cacheKiB = 65_536

const { file, niceness } = workerData as AsideData

// On Linux that is this thread alone: where the processors are busy, those who serve go first.
if (process.platform === 'linux') setPriority(niceness)

const connection = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: 1_000 })
connection.pragma(`cache_size = -${cacheKiB}`)

const statements = new Map<string, Sqlite.Statement>()

const prepare = (text: string): Sqlite.Statement => {
  const known = statements.get(text)
  if (known !== undefined) return known
  if (statements.size >= kept) statements.clear()
  const statement = connection.prepare(text).raw()
  statements.set(text, statement)
  return statement
}

const answer = ({ text, values, one }: Asked): Answered => {
  try {
    const statement = prepare(text)
    return { rows: one ? (statement.get(...values) as unknown[]) : statement.all(...values) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
    return { failure: { message, code } }
  }
}

parentPort?.on('message', (asked: Asked) => parentPort?.postMessage(answer(asked)))
