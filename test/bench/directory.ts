import { measureExport, type Exported } from './directory/export.ts'
import { fill, startOn, type Filled, type Started } from './directory/gateway.ts'
import {
  hotPathRow,
  hotPathRuns,
  measureHotPath,
  ratioOf,
  type Disturbed,
} from './directory/hot-path.ts'
import { listRow, p95, timeLists, type Timed } from './directory/lists.ts'
import { startUpstream, type Listening } from './http/nginx.ts'
import { median, type BenchOptions, type Report, type Target } from './report.ts'
import { createStage, demand, type Stage } from './stage.ts'

const targets = { listMs: 50, rowsPerSecond: 100_000, growthMiB: 30, startMs: 500, ratio: 0.95 }

const target = (what: string, wanted: string, reached: string, isMet: boolean): Target => ({
  ...{ what, target: wanted, reached },
  met: isMet ? 'yes' : 'no',
})

const listTarget = (lists: readonly Timed[]): Target => {
  const [slowest] = lists.toSorted((a, b) => p95(b) - p95(a))
  const reached = slowest === undefined ? NaN : p95(slowest)
  const what = `lists: p95 of the slowest (${slowest?.what ?? ''})`
  const most = targets.listMs
  return target(what, `≤ ${most} ms`, `${reached.toFixed(1)} ms`, reached <= most)
}

const exportTargets = ({ rate, during }: Exported): readonly Target[] => {
  const growth = Math.max(...during) - (during[0] ?? NaN)
  const [least, most] = [targets.rowsPerSecond, targets.growthMiB]
  return [
    target('CSV: rows/s', `≥ ${least}`, String(Math.round(rate)), rate >= least),
    target(
      'CSV: memory, from a quarter of it on',
      `≤ ${most} MiB`,
      `${growth.toFixed(0)} MiB`,
      growth <= most,
    ),
  ]
}

const startTarget = (starts: readonly number[]): Target => {
  const reached = median(starts)
  const most = targets.startMs
  return target('start to listening', `≤ ${most} ms`, `${reached.toFixed(0)} ms`, reached <= most)
}

const pathTargets = ([alone, ...others]: readonly Disturbed[]): readonly Target[] =>
  others.map((disturbed) => {
    const ratio = alone === undefined ? NaN : ratioOf(disturbed, alone)
    const least = targets.ratio
    const what = `data plane: rate ${disturbed.what}`
    return target(what, `≥ ${least} ×`, `${ratio.toFixed(2)} ×`, ratio >= least)
  })

/** Starts it three times, the first one on a cold cache; the last one goes on. */
const startOften = async (
  stage: Stage,
  filled: Filled,
  upstream: Listening,
): Promise<{ readonly gateway: Started; readonly starts: readonly number[] }> => {
  const starts: number[] = []
  for (;;) {
    const gateway = await startOn(stage, filled, upstream)
    starts.push(gateway.startMs)
    if (starts.length === 3) return { gateway, starts }
    const ended = new Promise((resolve) => gateway.proxy.child.once('exit', resolve))
    gateway.proxy.child.kill()
    await ended
  }
}

/** Administration of a million users, and what the data plane feels of it (Linux). */
export const bench = async (options: BenchOptions): Promise<Report> => {
  demand({ nginx: 'nginx', wrk: 'wrk', curl: 'curl', taskset: 'util-linux' })
  const { quick, users = quick ? 100_000 : 1_000_000 } = options
  const rounds = options.rounds ?? (quick ? 1 : 3)
  const seconds = options.seconds ?? (quick ? 2 : 4)
  const stage = createStage()
  try {
    const upstream = await startUpstream(stage, 'both')
    const filled = await fill(stage, users)
    const { gateway, starts } = await startOften(stage, filled, upstream)
    const lists = await timeLists(gateway.adminUrl, quick ? 5 : 20)
    const exported = await measureExport(gateway, users)
    const [alone, ...others] = await measureHotPath(stage, gateway, { rounds, seconds })
    if (alone === undefined) throw new Error('nothing was measured')
    const path = [alone, ...others]
    const memory = [exported.before, ...exported.during].map((it) => it.toFixed(0)).join(', ')
    return {
      name: 'directory',
      rows: lists.map(listRow),
      targets: [
        listTarget(lists),
        ...exportTargets(exported),
        startTarget(starts),
        ...pathTargets(path),
      ],
      notes: [
        `${users} users, made in ${filled.seedSeconds.toFixed(0)} s; SQLite; the real \`serve\` with its defaults`,
        `CSV: ${exported.rows} rows; MiB before, and at a quarter, a half, three quarters: ${memory}`,
        `starts: ${starts.map((ms) => ms.toFixed(0)).join(', ')} ms`,
        'gateway, wrk -t1 -c32, upstream and the clients of the admin API share the same two cores',
        ...path.map((each) => hotPathRow(each, alone)),
      ],
      runs: path.flatMap(hotPathRuns),
    }
  } finally {
    stage.end()
  }
}
