import { extname } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { snapshotOf } from '../../db/snapshot.ts'
import type { UserSort } from '../../db/user-order.ts'
import type { User } from '../../policies/facts.ts'
import { csvDownload } from '../csv.ts'
import type { ApiDeps } from '../deps.ts'
import { createRoutes } from '../routes.ts'
import { userExportQuery } from './user-schemas.ts'
import type { UsersCsv } from './users-csv-thread.ts'

/** Built or not, the thread's file lies beside this one. */
const fileOfThread = new URL(`./users-csv-thread${extname(import.meta.url)}`, import.meta.url)

/** Ms within which what was read is to be taken: an open snapshot makes the database's log grow. */
const longestPause = 60_000

/** Ms for a whole export, so that nobody holds a snapshot open by taking a little now and then. */
const longestExport = 300_000

/** MiB: a page in memory at a time needs no more. */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 }

/** More of them would take the processors from one another. */
const mostAtOnce = 4

/** One account leaves room to the others, and one user to the others of the account. */
const mostOfAccount = 2

type Exporter = Pick<User, 'id' | 'accountId'>

/** Whether there is room for one more export, beside those that are on their way. */
const hasRoom = (going: ReadonlySet<Exporter>, { id, accountId }: Exporter): boolean => {
  const ofAccount = [...going].filter((it) => it.accountId === accountId)
  const isAtIt = ofAccount.some((it) => it.id === id)
  return going.size < mostAtOnce && ofAccount.length < mostOfAccount && !isAtIt
}

/** Above this share of its time this thread is busy with those who are served, not with the export. */
const busy = 0.5

/** How much longer an export rests than it works while that is so: it takes a tenth of a core then. */
const rest = 9

/** Answers, at its end, how long to rest: nothing, unless this thread was busy meanwhile. */
const createPace = (): (() => number) => {
  const before = performance.eventLoopUtilization()
  return () => {
    const { utilization, active, idle } = performance.eventLoopUtilization(before)
    return utilization > busy ? (active + idle) * rest : 0
  }
}

/** What a thread of its own reads and writes, no faster than it is taken; `onEnd` is called once. */
export const streamFrom = (
  csv: UsersCsv,
  onEnd: (failure?: unknown) => void,
  longest: number = longestExport,
): ReadableStream => {
  const worker = new Worker(fileOfThread, { workerData: csv, resourceLimits })
  let answer: ((bytes: Uint8Array | undefined) => void) | undefined
  let isOver = false
  let failed: ((failure: unknown) => void) | undefined
  const fail = (failure: unknown): void => failed?.(failure)
  const pause = setTimeout(() => {
    fail(new Error('nobody takes what was read'))
  }, longestPause)
  const whole = setTimeout(() => {
    fail(new Error(`an export took longer than ${longest} ms`))
  }, longest)
  const end = (failure?: unknown): void => {
    if (isOver) return
    isOver = true
    clearTimeout(pause)
    clearTimeout(whole)
    void worker.terminate()
    onEnd(failure)
  }
  worker.on('message', (bytes: Uint8Array | undefined) => answer?.(bytes))
  worker.on('error', fail)
  worker.on('exit', () => {
    fail(new Error('the thread of an export has ended'))
  })
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        failed = (failure) => {
          if (isOver) return
          controller.error(failure)
          end(failure)
          answer?.(undefined)
        }
      },
      pull: async (controller) => {
        pause.refresh()
        const answered = new Promise<Uint8Array | undefined>((resolve) => {
          answer = resolve
        })
        const pace = createPace()
        worker.postMessage('next')
        const bytes = await answered
        const restMs = pace()
        if (restMs > 0) await wait(restMs)
        if (isOver) return
        if (bytes !== undefined) {
          controller.enqueue(bytes)
          return
        }
        end()
        controller.close()
      },
      cancel: () => {
        end()
      },
    },
    { highWaterMark: 2 },
  )
}

/** Export to CSV of what the filter shows (U1). */
export const createUsersCsvRoutes = ({ database, enter, log }: ApiDeps) => {
  const { app, add } = createRoutes(enter)
  const going = new Set<Exporter>()

  add(
    {
      operationId: 'exportUsers',
      method: 'get',
      path: '/users.csv',
      tag: 'Users',
      summary: 'The same as CSV, streamed',
      description:
        "RFC 4180, UTF-8; all of one moment. Cells that a spreadsheet would run begin with `'`; times are UTC.",
      permission: 'users/view',
      query: userExportQuery,
      streams: 'text/csv',
      refusals: ['too-many-exports'],
    },
    async ({ caller, c, query: { sort, ...filter } }) => {
      // HEAD is told what GET would be, and nothing is read for it.
      if (c.req.method === 'HEAD') return csvDownload('users.csv', null)
      const { id, accountId } = caller.user
      const exporter = { id, accountId }
      if (!hasRoom(going, exporter)) return { refused: 'too-many-exports' }
      going.add(exporter)
      const list = {
        accountId,
        filter,
        sort: sort.replace('-', '') as UserSort,
        descending: sort.startsWith('-'),
      }
      const stream = streamFrom({ snapshot: snapshotOf(database), list }, (failure) => {
        going.delete(exporter)
        if (failure !== undefined)
          log.error({ err: failure, decision: caller.decisionId }, 'an export of users broke off')
      })
      return csvDownload('users.csv', stream)
    },
  )
  return app
}
