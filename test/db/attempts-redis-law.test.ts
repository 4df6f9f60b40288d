import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEmbeddedAttempts } from '../../db/attempts-embedded.ts'
import { createSharedAttempts } from '../../db/attempts-redis.ts'
import type { Attempts, AttemptToken, BucketView } from '../../db/attempts.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { guardedRedis } from '../support/redis-node.ts'
import { acme, createTestClock, minute, type TestClock } from './attempts-trial.ts'

type Ways = 'fail' | 'giveBack' | 'succeed'

/** What happens next, and on which of two nodes. */
type Command =
  | {
      readonly do: 'reserve'
      readonly node: number
      readonly bucket: string
      readonly secret: string
    }
  | { readonly do: Ways; readonly node: number; readonly which: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'unlock' }
  | { readonly do: 'restore'; readonly node: number; readonly bucket: string; readonly ms: number }

const node = fc.constantFrom(0, 1)
const bucket = fc.constantFrom('unknown', '192.0.2.1', '192.0.2.2', '192.0.2.3')
const secret = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const which = fc.nat({ max: 5 })
const ends = fc.constantFrom<Ways>('fail', 'fail', 'giveBack', 'succeed')

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('reserve' as const), node, bucket, secret }),
  },
  { weight: 8, arbitrary: fc.record({ do: ends, node, which }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, 31_000, 15 * minute, 60 * minute),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'unlock' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restore' as const),
      node,
      bucket,
      ms: fc.constantFrom(minute, 20 * minute),
    }),
  },
)

/** Three stores side by side; what is compared is what is answered, without the holders. */
const createTrial = (clock: TestClock, nodes: readonly Attempts[], model: Attempts) => {
  const held: { there: AttemptToken; here: AttemptToken }[] = []
  const nodeOf = (index: number): Attempts => nodes[index]!

  const run = async (next: Command): Promise<void> => {
    if (next.do === 'wait') clock.wait(next.ms)
    else if (next.do === 'unlock')
      for (const it of [...nodes, model]) await it.unlock('acme', clock.now())
    else if (next.do === 'restore') {
      const at = clock.now()
      const lock = { lockedAt: at, lockedUntil: at + next.ms, locks: 1, consecutive: 5 }
      const written = { ...lock, userKey: 'acme', bucket: next.bucket, channels: [], sources: [] }
      // The news of a lock reaches every node.
      for (const it of [...nodes, model]) await it.restore(written)
    } else if (next.do === 'reserve') {
      const request = { ...acme, bucket: next.bucket, fingerprint: next.secret }
      const there = await nodeOf(next.node).reserve(request)
      const here = await model.reserve(request)
      if (there.outcome === 'reserved' && here.outcome === 'reserved') {
        expect(there.token.bucket).toBe(here.token.bucket)
        held.push({ there: there.token, here: here.token })
      } else expect(there).toEqual(here)
    } else {
      const [tokens] = held.splice(next.which, 1)
      if (tokens === undefined) return
      expect(await nodeOf(next.node)[next.do](tokens.there)).toEqual(
        await model[next.do](tokens.here),
      )
    }
  }
  const sorted = (views: readonly BucketView[]): readonly BucketView[] =>
    [...views].sort((one, other) => (one.bucket < other.bucket ? -1 : 1))
  const compare = async (): Promise<void> => {
    const expected = sorted(await model.state('acme'))
    for (const it of nodes) expect(sorted(await it.state('acme'))).toEqual(expected)
  }
  return { run, compare }
}

describe.skipIf(withoutRedis)('two nodes on one Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedisServer()
  })
  afterAll(() => server.stop())

  test('answer whatever comes as one embedded store does', async () => {
    const prefix = 'law:'
    const connections = [
      await guardedRedis(server.target, { prefix }),
      await guardedRedis(server.target, { prefix }),
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 10, maxLength: 60, size: 'max' }),
        async (commands) => {
          await server.admin.flushall()
          const clock = createTestClock()
          const { now, elapsed } = clock
          const options = {
            now,
            elapsed,
            sharedNow: now,
            random: randomBytes,
            windowKey: String,
            patienceMs: 5_000,
          }
          const nodes = connections.map((redis) => createSharedAttempts({ ...options, redis }))
          const trial = createTrial(clock, nodes, createEmbeddedAttempts({ now, elapsed }))
          for (const next of commands) {
            await trial.run(next)
            await trial.compare()
          }
          for (const it of nodes) await it.close()
        },
      ),
      { numRuns: 200, seed: 20270115 },
    )
    for (const redis of connections) await redis.close()
  }, 120_000)
})
