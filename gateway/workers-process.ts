import cluster from 'node:cluster'
import type { ToPrimary, ToWorker } from './workers-messages.ts'

/** How a worker ended: its exit code or the signal, or why it could not be started at all. */
export type End = {
  readonly code: number | null
  readonly signal: string | null
  readonly failure?: string
}

/** One worker, from its fork to its end, as the primary sees it. */
export type WorkerProcess = {
  /** Never used twice. */
  readonly id: number
  readonly pid: number | undefined
  readonly send: (message: ToWorker) => void
  readonly ask: (round: number) => void
  readonly kill: () => void
}

/**
 * Workers take connections from the listeners themselves. If the primary handed them out in turn
 * (SCHED_RR), each worker would have as many, but one on its way to a worker that is killed would
 * hang for good, and every connection would cost a message more: with one for each request a fifth
 * of the rate. Left to the system the shares are 40 to 60 of a hundred, 25 to 75 when all come at
 * once, and who is idle takes more.
 */
cluster.schedulingPolicy = cluster.SCHED_NONE

/** Starts a process like this one; `onEnd` is called once, after its last message. */
export const forkWorker = (
  onMessage: (message: ToPrimary) => void,
  onEnd: (end: End) => void,
): WorkerProcess => {
  const worker = cluster.fork()
  const { process: child } = worker
  worker.on('message', onMessage)
  worker.on('error', ({ message }) => {
    // What is sent to one that has just ended is lost; one that never began has no other end.
    if (child.pid === undefined) onEnd({ code: null, signal: null, failure: message })
  })
  worker.once('exit', (code: number | null, signal: string | null) => {
    const end = (): void => {
      onEnd({ code, signal })
    }
    // What it said last may still be on its way.
    if (worker.isConnected()) worker.once('disconnect', end)
    else end()
  })
  const send = (message: ToWorker): void => {
    if (worker.isConnected()) worker.send(message)
  }
  return {
    id: worker.id,
    pid: child.pid,
    send,
    ask: (round) => {
      send({ kind: 'values-wanted', round })
    },
    kill: () => {
      child.kill('SIGKILL')
    },
  }
}
