import type { Logger } from 'pino'
import type { Places } from './sandbox/sandbox.ts'
import type { Start, ToPrimary } from './workers-messages.ts'
import { pauseAfter, shortLives } from './workers-pause.ts'
import { forkWorker, type End, type WorkerProcess } from './workers-process.ts'

/** One of the places of which each has a worker at any time, or waits for one. */
export type Place = {
  readonly isUp: () => boolean
  /** Whether a worker ended here that did not live long. */
  readonly hasFailed: () => boolean
  readonly worker: () => WorkerProcess | undefined
  /** Lets the worker come to its end; another one does not follow. */
  readonly stop: (signal: string) => void
}

export type PlaceOptions = {
  readonly start: Start
  readonly elapsed: () => number
  readonly log: Logger
  readonly onUp: (where: Places) => void
  readonly onMessage: (worker: WorkerProcess, message: ToPrimary) => void
  /** `line` says why it ended; `isWell`: it served, and could write everything. */
  readonly onEnd: (worker: WorkerProcess, line: string, isWell: boolean) => void
}

const describe = ({ code, signal, failure }: End): string =>
  failure ?? `a worker ended with ${signal ?? code ?? 'nothing'} before it was up`

/** Starts a worker, and after its end another one in its place, until it is stopped. */
export const fillPlace = (options: PlaceOptions): Place => {
  const { start, elapsed, log, onUp, onMessage, onEnd } = options
  const { number } = start
  let worker: WorkerProcess
  let state: 'starting' | 'ready' | 'up' | 'ended' = 'starting'
  let startedAt = 0
  let line: string | undefined
  let shortBefore = 0
  let successor: NodeJS.Timeout | undefined
  let isStopping = false

  const hear = (message: ToPrimary): void => {
    if (message.kind === 'ready') {
      state = 'ready'
      worker.send({ kind: 'start', ...start })
    } else if (message.kind === 'failed') line = message.line
    else if (message.kind === 'up') {
      state = 'up'
      log.info({ event: 'worker-up', worker: number, pid: worker.pid }, 'a worker is up')
      onUp(message.places)
    } else onMessage(worker, message)
  }

  const end = (how: End): void => {
    const life = { wasUp: state === 'up', livedMs: elapsed() - startedAt, shortBefore }
    const isWell = how.code === 0 || !life.wasUp
    const told = { event: 'worker-ended', worker: number, pid: worker.pid, ...how, line }
    state = 'ended'
    if (!isStopping) {
      const pauseMs = pauseAfter(life)
      shortBefore = shortLives(life)
      successor = setTimeout(begin, pauseMs)
      log.error({ ...told, pauseMs }, 'a worker ended; another one takes its place')
    } else if (!isWell) log.error(told, 'a worker did not end well')
    onEnd(worker, line ?? describe(how), isWell)
  }

  const begin = (): void => {
    state = 'starting'
    startedAt = elapsed()
    line = undefined
    worker = forkWorker(hear, end)
  }

  begin()
  return {
    isUp: () => state === 'up',
    hasFailed: () => shortBefore > 0,
    worker: () => (state === 'ended' ? undefined : worker),
    stop: (signal) => {
      isStopping = true
      clearTimeout(successor)
      // One that hears nothing yet has nothing open either.
      if (state === 'starting') worker.kill()
      else worker.send({ kind: 'stop', signal })
    },
  }
}
