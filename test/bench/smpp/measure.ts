import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cpuMs, heard, residentMiB, type Stage, type Started } from '../stage.ts'
import type { Peer } from './peers.ts'
import { READY, type Answered, type BenchCredentials, type Bound } from './words.ts'

/** So many binds with so many submits in flight on each; none in flight: they only bind and stay. */
export type Job = {
  readonly name: string
  readonly binds: number
  readonly inFlight: number
  readonly credentials: BenchCredentials
}

/** What a peer spent while it was looked at. */
export type Spent = {
  /** The share of its core. */
  readonly cpu: number
  /** How often it was woken, in a second. */
  readonly wakeUps: number
  /** What it held before the first bind, and in the end, in MiB. */
  readonly heldBefore: number
  readonly memory: number
}

const script = fileURLToPath(new URL('./load.ts', import.meta.url))

/** How often a process has gone to sleep so far; NaN where there is no /proc. */
const sleepsOf = ({ child }: Started): number => {
  try {
    const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'latin1')
    return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1])
  } catch {
    return NaN
  }
}

/** Starts the load, and looks at the peer from when it is ready until it is about to end. */
const run = async <Result>(
  stage: Stage,
  { binds, inFlight, credentials }: Job,
  { port, program }: Peer,
  seconds: number,
): Promise<Result & Spent> => {
  const heldBefore = residentMiB(program)
  const words = [port, credentials.systemId, credentials.password, binds, inFlight, seconds]
  const load = stage.start('load', process.execPath, [script, ...words.map(String)])
  const result = heard(load, (line) => (line.startsWith('{') ? line : undefined))
  result.catch(() => undefined)
  await heard(load, (line) => (line === READY ? line : undefined))
  const [cpuBefore, sleepsBefore] = [cpuMs(program), sleepsOf(program)]
  const lookMs = seconds * 1_000 - 100
  await wait(lookMs)
  const spent = {
    cpu: (cpuMs(program) - cpuBefore) / lookMs,
    wakeUps: ((sleepsOf(program) - sleepsBefore) * 1_000) / lookMs,
    memory: residentMiB(program),
    heldBefore,
  }
  const said = JSON.parse(await result) as Result
  if (load.child.exitCode === null) await once(load.child, 'exit')
  return { ...said, ...spent }
}

export type Measured = Answered & Spent

export const measure = (stage: Stage, job: Job, peer: Peer, seconds: number): Promise<Measured> =>
  run<Answered>(stage, job, peer, seconds)

export type MeasuredBinds = Bound & Spent

/** Binds all at once and leaves them alone for so long. */
export const measureBinds = (
  stage: Stage,
  job: Job,
  peer: Peer,
  seconds: number,
): Promise<MeasuredBinds> => run<Bound>(stage, { ...job, inFlight: 0 }, peer, seconds)
