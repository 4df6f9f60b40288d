import { median, type BenchOptions, type Report, type Row, type Target } from './report.ts'
import {
  measure,
  measureBinds,
  type Job,
  type Measured,
  type MeasuredBinds,
} from './smpp/measure.ts'
import { measureBindTime } from './smpp/bind-time.ts'
import { bencher, startGateway } from './smpp/gateway.ts'
import {
  startBareRelay,
  startFarSmsc,
  startHaproxy,
  startPackageRelay,
  type Peer,
} from './smpp/peers.ts'
import { createStage, demand, type Stage } from './stage.ts'

/** What one peer did at one job, round by round. */
type Runs = { readonly job: Job; readonly peer: Peer; readonly rounds: readonly Measured[] }

const credentials = bencher

const jobs: readonly Job[] = [
  { name: '4 binds, 100 in flight', binds: 4, inFlight: 100, credentials },
  { name: '4 binds, 1 in flight', binds: 4, inFlight: 1, credentials },
  { name: '1,000 binds, 1 in flight', binds: 1_000, inFlight: 1, credentials },
]
const storm: Job = { name: 'a storm of 2,000 binds', binds: 2_000, inFlight: 0, credentials }
const idle: Job = { name: '9,000 idle binds', binds: 9_000, inFlight: 0, credentials }

/** Warms every peer up, then measures them in turn, so that all see the same weather. */
const inTurn = async (
  stage: Stage,
  job: Job,
  peers: readonly Peer[],
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<readonly Runs[]> => {
  const measured = new Map<Peer, Measured[]>(peers.map((peer) => [peer, []]))
  for (const peer of peers) await measure(stage, job, peer, 1)
  for (let round = 0; round < rounds; round++)
    for (const [peer, list] of measured) list.push(await measure(stage, job, peer, seconds))
  return Array.from(measured, ([peer, list]) => ({ job, peer, rounds: list }))
}

const medianOf = ({ rounds }: Runs, of: (round: Measured) => number): number =>
  median(rounds.map(of))

/** Messages for a second of its core's time: holds better than a rate when the load is the limit. */
const perCore = ({ rate, cpu }: Measured): number => rate / cpu

/** The median of the rounds' ratios: both of a round saw the same weather. */
const ratioOf = (runs: Runs, to: Runs, of: (round: Measured) => number): number =>
  median(
    runs.rounds.map((round, at) => {
      const other = to.rounds[at]
      return other === undefined ? NaN : of(round) / of(other)
    }),
  )

const rowOf = (runs: Runs): Row => ({
  job: runs.job.name,
  between: runs.peer.name,
  'submit_sm/s': medianOf(runs, ({ rate }) => rate),
  'p50 ms': medianOf(runs, ({ p50 }) => p50),
  'p99 ms': medianOf(runs, ({ p99 }) => p99),
  'core %': medianOf(runs, ({ cpu }) => cpu * 100),
  'submit_sm/core s': medianOf(runs, perCore),
})

const bindRowOf = (job: Job, peer: Peer, measured: MeasuredBinds): Row => ({
  job: job.name,
  between: peer.name,
  'all ms': measured.tookMs,
  'p50 ms': measured.p50,
  'p99 ms': measured.p99,
  refused: measured.refused,
  'core %': measured.cpu * 100,
  'wake-ups/s': measured.wakeUps,
  'memory MiB': measured.memory,
  'KiB a bind': ((measured.memory - measured.heldBefore) * 1_024) / job.binds,
})

/** The load generator and the far SMSC have room above a peer that they are to measure. */
const ROOM = 1.1

const compare = (
  what: string,
  ours: Runs,
  theirs: Runs,
  of: (round: Measured) => number,
  { least, most }: { least?: number; most?: number },
): Target => {
  const ratio = ratioOf(ours, theirs, of)
  return {
    what: `${ours.job.name}: ${what}, by ${theirs.peer.name}`,
    target: least === undefined ? `≤ ${most ?? 0} ×` : `≥ ${least} ×`,
    reached: `${ratio.toFixed(2)} ×`,
    met: ratio >= (least ?? 0) && ratio <= (most ?? Infinity) ? 'yes' : 'no',
  }
}

const targetsOf = (all: readonly (readonly Runs[])[], ours: string): Target[] => {
  const find = (job: number, name: string): Runs | undefined =>
    all[job]?.find(({ peer }) => peer.name === name)
  const targets: Target[] = []
  const [relay, relayOf1] = [find(0, ours), find(1, ours)]
  const [haproxy, haproxyOf1] = [find(0, 'HAProxy, TCP'), find(1, 'HAProxy, TCP')]
  const [onPackage, direct] = [find(0, 'smpp package'), find(0, 'nothing')]
  const rate = (round: Measured): number => round.rate
  if (relay && haproxy) {
    targets.push(compare('rate', relay, haproxy, rate, { least: 0.95 }))
    targets.push(compare('rate for a core', relay, haproxy, perCore, { least: 0.95 }))
  }
  if (relay && onPackage) targets.push(compare('rate', relay, onPackage, rate, { least: 40 }))
  if (relayOf1 && haproxyOf1)
    targets.push(compare('p99', relayOf1, haproxyOf1, ({ p99 }) => p99, { most: 1.2 }))
  if (direct && relay) targets.push(compare('ceiling', direct, relay, rate, { least: ROOM }))
  return targets
}

const memoryTarget = (idleOfOurs: MeasuredBinds): Target => ({
  what: `${idle.name}: memory`,
  target: '≤ 360 MB',
  reached: `${(idleOfOurs.memory * 1.048_576).toFixed(0)} MB`,
  met: idleOfOurs.memory * 1.048_576 <= 360 && idleOfOurs.refused === 0 ? 'yes' : 'no',
})

/** The gateway, and its relay alone, beside HAProxy and a relay on the smpp package, before one SMSC, in one run (Linux). */
export const bench = async (options: BenchOptions): Promise<Report> => {
  demand({ haproxy: 'haproxy', taskset: 'util-linux' })
  const rounds = options.rounds ?? (options.quick ? 1 : 3)
  const seconds = options.seconds ?? (options.quick ? 3 : 5)
  const stage = createStage()
  try {
    const smsc = await startFarSmsc(stage)
    const ours = await startGateway(stage, smsc)
    const peers = [
      ours,
      await startBareRelay(stage, smsc),
      await startHaproxy(stage, smsc),
      await startPackageRelay(stage, smsc),
      smsc,
    ]
    const bindTime = await measureBindTime(
      stage,
      { gateway: ours, smsc, credentials },
      options.quick ? 500 : 2_000,
    )
    const all: (readonly Runs[])[] = []
    for (const job of options.quick ? jobs.slice(0, 2) : jobs)
      all.push(await inTurn(stage, job, peers, { rounds, seconds }))
    const bindRows: Row[] = []
    const targets = [bindTime.target, ...targetsOf(all, ours.name)]
    for (const job of options.quick ? [] : [storm, idle])
      for (const start of [startGateway, startBareRelay, startHaproxy]) {
        const peer = await start(stage, smsc)
        const measured = await measureBinds(stage, job, peer, seconds)
        bindRows.push(bindRowOf(job, peer, measured))
        if (job === idle && peer.name === ours.name) targets.push(memoryTarget(measured))
        peer.program.child.kill()
      }
    return {
      name: 'smpp',
      rows: [...all.flat().map(rowOf), ...bindRows],
      targets,
      notes: [
        bindTime.note,
        'gateway: the real `serve`; password, safelist, lockout, audit and bind slots, limits of binds raised. relay: its relay without all that',
        'what is measured alone on core 0; load and far SMSC on core 1',
        '“nothing” in between: the ceiling of load and SMSC, which share one core; where a peer comes near it, messages for a second of its own core say more than the rate',
        `${rounds} × ${seconds} s each, in turn; figures and ratios are the rounds' medians`,
      ],
      runs: [
        bindTime.run,
        ...all.flat().flatMap(({ job, peer, rounds: list }) =>
          list.map((round, at) => ({
            ...{ job: job.name, between: peer.name, round: at + 1 },
            ...round,
          })),
        ),
      ],
    }
  } finally {
    stage.end()
  }
}
