import type { Logger } from 'pino'
import type { Places } from './sandbox/sandbox.ts'
import type { SettingsFile } from './settings.ts'
import type { ToPrimary } from './workers-messages.ts'
import { createSharedMetrics } from './workers-metrics.ts'
import { fillPlace } from './workers-place.ts'
import type { WorkerProcess } from './workers-process.ts'

export type WorkersOptions = {
  readonly count: number
  readonly file: SettingsFile | undefined
  readonly elapsed: () => number
  readonly log: Logger
}

/** The primary's view: it serves nothing itself, and keeps as many workers as were asked for. */
export type Workers = {
  /** Where they listen, once all are up. Rejects with a worker's own line when none came up. */
  readonly up: Promise<Places>
  /** Has all come to their end, kills what has not by then; resolves to whether all ended well. */
  readonly stop: (signal: string, deadlineMs: number) => Promise<boolean>
}

export const startWorkers = ({ count, file, elapsed, log }: WorkersOptions): Workers => {
  const up = Promise.withResolvers<Places>()
  const gone = Promise.withResolvers<undefined>()
  let at: Places | undefined
  let isStopping = false
  let allWell = true

  const living = (): readonly WorkerProcess[] => places.flatMap(({ worker }) => worker() ?? [])
  const checkGone = (): void => {
    if (isStopping && living().length === 0) gone.resolve(undefined)
  }
  const metrics = createSharedMetrics(() =>
    places.flatMap(({ worker, isUp }) => (isUp() ? (worker() ?? []) : [])),
  )
  const tellMetrics = async (worker: WorkerProcess, id: number): Promise<void> => {
    try {
      worker.send({ kind: 'metrics', id, text: await metrics.render() })
    } catch (error) {
      log.error({ err: error }, 'the metrics of the workers could not be added up')
    }
  }
  const onUp = (where: Places): void => {
    // When all have ended at once, a free port is another one than before.
    if (at !== undefined && JSON.stringify(at) !== JSON.stringify(where))
      log.warn({ event: 'listening', ...where, workers: count }, 'listening elsewhere')
    at = where
    if (places.every(({ isUp }) => isUp())) up.resolve(where)
  }
  const onMessage = (worker: WorkerProcess, message: ToPrimary): void => {
    if (message.kind === 'values') metrics.heard(worker.id, message.round, message.values)
    else if (message.kind === 'metrics-wanted') void tellMetrics(worker, message.id)
  }
  const onEnd = (worker: WorkerProcess, line: string, isWell: boolean): void => {
    metrics.ended(worker.id)
    if (isStopping && !isWell) allWell = false
    // Nobody has come up yet, and everybody has tried.
    if (at === undefined && places.every(({ hasFailed }) => hasFailed())) up.reject(new Error(line))
    checkGone()
  }
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  const places = numbers.map((number) =>
    fillPlace({ start: { number, workers: count, file }, elapsed, log, onUp, onMessage, onEnd }),
  )
  return {
    up: up.promise,
    stop: async (signal, deadlineMs) => {
      isStopping = true
      for (const place of places) place.stop(signal)
      const deadline = setTimeout(() => {
        for (const worker of living()) worker.kill()
      }, deadlineMs)
      checkGone()
      await gone.promise
      clearTimeout(deadline)
      return allWell
    },
  }
}
