import { AggregatorRegistry } from 'prom-client'
import type { MetricValues } from './metrics.ts'

/** A worker that may be asked; its answer comes back through `heard`. */
export type Asked = { readonly id: number; readonly ask: (round: number) => void }

export type SharedMetrics = {
  /** The text that Prometheus reads, over all workers; never waits long for one that is stuck. */
  readonly render: () => Promise<string>
  readonly heard: (worker: number, round: number, values: MetricValues) => void
  /** It has ended: what it counted stays in the sum, for a counter must not run backwards. */
  readonly ended: (worker: number) => void
}

/** A worker that is silent for so long is shown as it was last known, in ms. */
const ANSWER_MS = 1_000

const aggregate = (all: readonly MetricValues[]) => AggregatorRegistry.aggregate([...all])

/** Counters and histograms; a gauge says how things are, so it ends with its worker. */
const lasting = (values: MetricValues): MetricValues =>
  values.filter(({ type }) => String(type) !== 'gauge')

/** Adds up what the workers measure; `living` are those to ask. */
export const createSharedMetrics = (living: () => Iterable<Asked>): SharedMetrics => {
  const known = new Map<number, MetricValues>()
  const past: MetricValues[] = []
  let round = 0
  let waiting = new Set<number>()
  let enough = (): void => undefined
  let collecting: Promise<void> | undefined

  const answered = (worker: number): void => {
    if (waiting.delete(worker) && waiting.size === 0) enough()
  }
  /** However many end, what they left behind is one list. */
  const foldPast = async (): Promise<void> => {
    if (past.length < 2) return
    past.push(await aggregate(past.splice(0)).getMetricsAsJSON())
  }
  const collect = async (): Promise<void> => {
    await foldPast()
    round += 1
    const asked = [...living()]
    if (asked.length === 0) return
    waiting = new Set(asked.map(({ id }) => id))
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ANSWER_MS)
      enough = () => {
        clearTimeout(timer)
        resolve()
      }
      for (const { ask } of asked) ask(round)
    })
  }

  return {
    render: async () => {
      collecting ??= collect().finally(() => {
        collecting = undefined
      })
      await collecting
      return aggregate([...known.values(), ...past]).metrics()
    },
    heard: (worker, of, values) => {
      known.set(worker, values)
      if (of === round) answered(worker)
    },
    ended: (worker) => {
      const last = known.get(worker)
      known.delete(worker)
      if (last !== undefined) past.push(lasting(last))
      answered(worker)
    },
  }
}
