import type { PduCounts } from './reading.ts'

/** Connections by state, and the PDUs that went on over them; kept up to date by who knows. */
export type BindCounts = {
  /** Connections without a bind, those included whose bind is under way. */
  unbound: number
  /** Binds that were permitted, and wait for their place or their SMSC. */
  binding: number
  /** Of binds that have ended, all together. */
  readonly ended: PduCounts
  /** Of each that stands. */
  readonly standing: Set<PduCounts>
}

export const createBindCounts = (): BindCounts => ({
  unbound: 0,
  binding: 0,
  ended: { fromClient: 0, fromUpstream: 0 },
  standing: new Set(),
})

/** A bind stands: what is returned is counted in until it has ended. */
export const openCounts = ({ standing }: BindCounts): PduCounts => {
  const passed = { fromClient: 0, fromUpstream: 0 }
  standing.add(passed)
  return passed
}

export const closeCounts = ({ standing, ended }: BindCounts, passed: PduCounts): void => {
  standing.delete(passed)
  ended.fromClient += passed.fromClient
  ended.fromUpstream += passed.fromUpstream
}

/** PDUs that went on so far, over all binds. */
export const sumCounts = ({ standing, ended }: BindCounts): PduCounts => {
  const sum = { ...ended }
  for (const { fromClient, fromUpstream } of standing) {
    sum.fromClient += fromClient
    sum.fromUpstream += fromUpstream
  }
  return sum
}
