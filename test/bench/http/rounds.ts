import { median, type Row } from '../report.ts'
import { residentMiB, type Stage } from '../stage.ts'
import { checkJob } from './checks.ts'
import { measure, type Job, type Measured } from './load.ts'
import type { Peer } from './peers.ts'

/** What one peer did at one job, round by round. */
export type Runs = {
  readonly job: Job
  readonly peer: Peer
  readonly rounds: readonly Measured[]
  /** What the peer held after the job, in MiB. */
  readonly memory: number
}

export type Pace = {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
}

/** Checks and warms up every peer, then measures them in turn, so that all see the same weather. */
export const measureInTurn = async (
  stage: Stage,
  job: Job,
  peers: readonly Peer[],
  pace: Pace,
): Promise<readonly Runs[]> => {
  const turn = async (peer: Peer, seconds: number): Promise<Measured> => {
    const enough = Math.max(seconds, peer.leastSeconds ?? 0)
    const measured = await measure(stage, job, peer, enough)
    await peer.settle?.()
    return measured
  }
  for (const peer of peers) {
    await checkJob(peer, job)
    await turn(peer, pace.warmUpSeconds)
  }
  const rounds = new Map<Peer, Measured[]>(peers.map((peer) => [peer, []]))
  for (let round = 0; round < pace.rounds; round++)
    for (const [peer, measured] of rounds) measured.push(await turn(peer, pace.seconds))
  return Array.from(rounds, ([peer, measured]) => ({
    job,
    peer,
    rounds: measured,
    memory: residentMiB(peer.proxy),
  }))
}

export const medianOf = (runs: Runs, of: keyof Measured): number =>
  median(runs.rounds.map((round) => round[of]))

const LEAST_SHARE = 0.85

/** A proxy of small answers is the limit itself, unless others take its core or the load's. */
export const isDisturbed = ({ rounds }: Runs): boolean =>
  rounds.some(({ cpu }) => cpu < LEAST_SHARE)

/** The median of the rounds' ratios: both of a round saw the same weather. */
export const ratioOf = (runs: Runs, to: Runs): number =>
  median(runs.rounds.map(({ rate }, round) => rate / (to.rounds[round]?.rate ?? NaN)))

/** The line of a table; the first of a job's runs is what the others are compared with. */
export const rowOf = (runs: Runs, gateway: Runs): Row => ({
  job: runs.job.name,
  proxy: runs.peer.name,
  'req/s': medianOf(runs, 'rate'),
  'p50 ms': medianOf(runs, 'p50'),
  'p99 ms': medianOf(runs, 'p99'),
  'gateway ÷': ratioOf(gateway, runs),
  'req/core s': median(runs.rounds.map(({ rate, cpu }) => rate / cpu)),
  'core %': medianOf(runs, 'cpu') * 100,
  'memory MiB': runs.memory,
})

export const runRows = (runs: Runs): readonly Row[] =>
  runs.rounds.map((round, index) => ({
    job: runs.job.name,
    proxy: runs.peer.name,
    round: index + 1,
    ...round,
  }))
