import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Answered, Asked, AsideData } from './aside-worker.ts'

const mostWaiting = 200
/** Given up, and still at it: SQLite is not to be interrupted. */
const mostLost = 2

type Job = Asked & {
  readonly resolve: (rows: unknown[] | undefined) => void
  readonly reject: (error: Error) => void
}

/** Built or not, the thread's file lies beside this one. */
const fileOfWorker = new URL(`./aside-worker${extname(import.meta.url)}`, import.meta.url)

/**
 * Asks one statement after the other of a thread with a connection of its own, which starts at the
 * first of them. What takes longer than `longestMs` is given up, and how many wait is bounded.
 */
export const createAsideThread = (data: AsideData, longestMs: number) => {
  const waiting: Job[] = []
  let current: { readonly job: Job; readonly timer: NodeJS.Timeout } | undefined
  let worker: Worker | undefined
  let isClosed = false
  const lost = new Set<Worker>()

  const start = (): Worker => {
    const started = new Worker(fileOfWorker, { workerData: data })
    started.on('message', (answered: Answered) => {
      if (started !== worker) return
      finish((job) => {
        if ('rows' in answered) job.resolve(answered.rows)
        else job.reject(Object.assign(new Error(answered.failure.message), answered.failure))
      })
    })
    started.on('error', (cause) => {
      if (started === worker) giveUp('the thread that reads has failed', cause)
    })
    return started
  }
  const finish = (settle: (job: Job) => void): void => {
    if (current === undefined) return
    const { job, timer } = current
    clearTimeout(timer)
    current = undefined
    settle(job)
    next()
  }
  /** The thread ends as soon as its statement does; the next statement gets another one. */
  const giveUp = (why: string, cause?: unknown): void => {
    const given = worker
    worker = undefined
    if (given !== undefined) {
      lost.add(given)
      void given.terminate().finally(() => lost.delete(given))
    }
    finish(({ reject }) => {
      reject(new Error(why, { cause }))
    })
  }
  const next = (): void => {
    const job = current === undefined ? waiting.shift() : undefined
    if (current === undefined && job === undefined) worker?.unref()
    if (job === undefined) return
    if (isClosed || lost.size >= mostLost) {
      job.reject(new Error(isClosed ? 'the database is closed' : 'too many long reads go on'))
      next()
      return
    }
    const timer = setTimeout(() => {
      giveUp(`a read took longer than ${longestMs} ms`)
    }, longestMs)
    current = { job, timer }
    const { text, values, one } = job
    worker ??= start()
    worker.ref()
    worker.postMessage({ text, values, one } satisfies Asked)
  }
  return {
    ask: (asked: Asked) =>
      new Promise<unknown[] | undefined>((resolve, reject) => {
        if (waiting.length >= mostWaiting) {
          reject(new Error('too many long reads wait'))
          return
        }
        waiting.push({ ...asked, resolve, reject })
        next()
      }),
    close: async (): Promise<void> => {
      isClosed = true
      giveUp('the database is closed')
      await Promise.all(Array.from(lost, (it) => it.terminate()))
    },
  }
}
