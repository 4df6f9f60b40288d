import { describe, expect, test } from 'vitest'
import { createMetrics, type Metrics } from '../../gateway/metrics.ts'
import { createSharedMetrics } from '../../gateway/workers-metrics.ts'

type Worker = { readonly id: number; readonly metrics: Metrics; isStuck: boolean; isGone: boolean }

const createWorker = (id: number): Worker => ({
  id,
  isStuck: false,
  isGone: false,
  metrics: createMetrics({
    passwordQueue: () => id,
    degraded: () => id === 2,
    policyAgeMs: () => id * 1_000,
    toldByNodes: () => [],
    nodes: () => 5,
    live: () => ({ http: id, upgrade: 0 }),
  }),
})

const permit = { effect: 'permit' } as const

/** Two workers, and what their metrics are together. */
const share = () => {
  const workers = [createWorker(1), createWorker(2)] as const
  const shared = createSharedMetrics(() =>
    workers
      .filter(({ isGone }) => !isGone)
      .map((worker) => ({
        id: worker.id,
        ask: (round) => {
          if (worker.isStuck) return
          void worker.metrics.values().then((values) => {
            // As it comes over the wire.
            const received = JSON.parse(JSON.stringify(values)) as typeof values
            shared.heard(worker.id, round, received)
          })
        },
      })),
  )
  const read = async (name: string): Promise<number> => {
    const line = (await shared.render()).split('\n').find((each) => each.startsWith(`${name} `))
    return Number(line?.slice(name.length))
  }
  return { workers, shared, read }
}

const permits = 'sallyport_decisions_total{channel="http",effect="permit",reason=""}'

describe('the metrics of several workers', () => {
  test('are sums, but for those that say how it stands with all', async () => {
    const { workers, read } = share()
    for (const { metrics } of workers) metrics.decided('http', permit, 1)
    expect(await read(permits)).toBe(2)
    expect(await read('sallyport_decision_seconds_count')).toBe(2)
    expect(await read('sallyport_decision_seconds_bucket{le="+Inf"}')).toBe(2)
    expect(await read('sallyport_password_queue')).toBe(3)
    expect(await read('sallyport_live_exchanges')).toBe(3)
    expect(await read('sallyport_degraded')).toBe(1)
    expect(await read('sallyport_policy_age_seconds')).toBe(2)
    expect(await read('sallyport_nodes')).toBe(5)
  })

  test('keep what one had counted that has ended, and nothing else of it', async () => {
    const { workers, shared, read } = share()
    const [first, second] = workers
    first.metrics.decided('http', permit, 1)
    second.metrics.decided('http', permit, 1)
    expect(await read(permits)).toBe(2)
    for (const worker of workers) {
      worker.isGone = true
      shared.ended(worker.id)
    }
    expect(await read(permits)).toBe(2)
    expect(await read('sallyport_decision_seconds_count')).toBe(2)
    expect(await read('sallyport_live_exchanges')).toBe(NaN)
  })

  test('come without waiting for one that is stuck, which is shown as it was', async () => {
    const { workers, read } = share()
    const [first, second] = workers
    second.metrics.decided('http', permit, 1)
    expect(await read(permits)).toBe(1)
    second.isStuck = true
    first.metrics.decided('http', permit, 1)
    expect(await read(permits)).toBe(2)
  })

  test('asked for by many at once are the same for all', async () => {
    const { workers, shared } = share()
    workers[0].metrics.decided('http', permit, 1)
    const texts = await Promise.all(Array.from({ length: 5 }, () => shared.render()))
    expect(new Set(texts).size).toBe(1)
  })
})
