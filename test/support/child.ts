import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** Starts the other process of `db-child.ts`; it is gone when the test is over. */
export const startChild = (place: string, job: string, ...more: string[]): ChildProcess => {
  const script = fileURLToPath(new URL('./db-child.ts', import.meta.url))
  const child = fork(script, [place, job, ...more], { execArgv: [], stdio: 'inherit' })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

/** The next message of a child. */
export const heard = async (child: ChildProcess): Promise<unknown> =>
  ((await once(child, 'message')) as unknown[])[0]

/** How a child ended: its exit code, or the signal. */
export const ended = async (child: ChildProcess): Promise<unknown> => {
  const [code, signal] = (await once(child, 'exit')) as unknown[]
  return code ?? signal
}
