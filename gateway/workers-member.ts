import cluster from 'node:cluster'
import type { MetricValues } from './metrics.ts'
import type { Start, ToPrimary, ToWorker } from './workers-messages.ts'

/** A worker's word to the primary, and the primary's to it. */
export type Member = {
  readonly start: Start
  /** Why it is to stop: a signal that the primary got, or that there is no primary any more. */
  readonly stopping: Promise<string>
  /** Resolves when it is said; the primary may be gone. */
  readonly tell: (message: ToPrimary) => Promise<void>
  /** The metrics of all workers together. */
  readonly renderMetrics: () => Promise<string>
  /** Tells this worker's own, whenever they are asked for. */
  readonly tellMetrics: (values: () => Promise<MetricValues>) => void
}

/** The primary answers within a second or so. */
const ANSWER_MS = 5_000

/** Whether this process was started by a primary. */
export const isMember = (): boolean => cluster.isWorker

/** Makes this process known to the primary that started it, and hears what it is to be. */
export const joinWorkers = async (): Promise<Member> => {
  const { worker } = cluster
  if (worker === undefined) throw new Error('this process was not started as a worker')
  // Without it Node ends a worker on the spot when the primary is gone; it is to drain.
  worker.exitedAfterDisconnect = true
  const start = Promise.withResolvers<Start>()
  const stopping = Promise.withResolvers<string>()
  const texts = new Map<number, (text: string) => void>()
  let ask: (round: number) => void = () => undefined
  let asked = 0

  const tell = (message: ToPrimary): Promise<void> =>
    new Promise((resolve) => {
      worker.send(message, undefined, undefined, () => {
        resolve()
      })
    })
  worker.on('error', () => undefined)
  worker.on('message', (message: ToWorker) => {
    if (message.kind === 'start') start.resolve(message)
    else if (message.kind === 'stop') stopping.resolve(message.signal)
    else if (message.kind === 'values-wanted') ask(message.round)
    else texts.get(message.id)?.(message.text)
  })
  worker.once('disconnect', () => {
    stopping.resolve('the primary is gone')
    start.reject(new Error('the primary is gone'))
  })
  await tell({ kind: 'ready' })

  return {
    start: await start.promise,
    stopping: stopping.promise,
    tell,
    renderMetrics: async () => {
      const id = ++asked
      const text = Promise.withResolvers<string>()
      const timer = setTimeout(() => {
        text.reject(new Error('the primary did not answer'))
      }, ANSWER_MS)
      texts.set(id, text.resolve)
      void tell({ kind: 'metrics-wanted', id })
      return text.promise.finally(() => {
        clearTimeout(timer)
        texts.delete(id)
      })
    },
    tellMetrics: (values) => {
      ask = (round) => {
        // Without an answer it is shown as it was last known.
        values().then(
          (own) => tell({ kind: 'values', round, values: own }),
          () => undefined,
        )
      }
    },
  }
}
