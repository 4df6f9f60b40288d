import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSharedAttempts } from '../../db/attempts-redis.ts'
import type { Attempts, BucketLock, ReserveOutcome } from '../../db/attempts.ts'
import type { GuardedRedis } from '../../db/redis-guard.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { createGatedRedis, type Gate } from '../support/redis-gate.ts'
import { guardedRedis } from '../support/redis-node.ts'
import { acme, begin, createTestClock, minute, right } from './attempts-trial.ts'

const all = [0, 1, 2] as const
type Node = (typeof all)[number]

/** What happens next to three nodes on one Redis. */
type Command =
  /** Secrets that nobody tried before, at these nodes at once; `lost`: and Redis is flushed meanwhile. */
  | {
      readonly do: 'guess'
      readonly at: readonly Node[]
      readonly times: number
      readonly lost: boolean
    }
  | { readonly do: 'again'; readonly at: Node; readonly which: number }
  | { readonly do: 'succeed'; readonly at: Node }
  | { readonly do: 'gate'; readonly at: readonly Node[]; readonly gate: Gate }
  | { readonly do: 'flush' }
  | { readonly do: 'restart'; readonly at: Node }
  | { readonly do: 'hear'; readonly at: Node }
  | { readonly do: 'wait'; readonly ms: number }

const at = fc.constantFrom(...all)
const some = fc.constantFrom<readonly Node[]>([0], [1], [2], [0, 1], all)
const constant = <const T>(value: T) => fc.constant(value)

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: constant('guess'),
      at: some,
      times: fc.constantFrom(1, 1, 2, 4, 6),
      lost: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: constant('again'), at, which: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: constant('succeed'), at }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: constant('gate'),
      at: some,
      gate: fc.constantFrom<Gate>('open', 'open', 'shut', 'deaf'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: constant('flush') }) },
  { weight: 1, arbitrary: fc.record({ do: constant('restart'), at }) },
  { weight: 1, arbitrary: fc.record({ do: constant('hear'), at }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: constant('wait'),
      ms: fc.constantFrom(1_000, 5_000, 16 * minute, 31 * minute),
    }),
  },
)

const { limit } = acme.rules

/** A guess that was let through: who remembers it. */
type Guess = { readonly nodes: Set<Node>; inRedis: boolean }

const createTrial = async (server: RedisServer, connections: readonly GuardedRedis[]) => {
  const clock = createTestClock()
  const { now, elapsed } = clock
  const gates = connections.map(createGatedRedis)
  const gateOf: Gate[] = all.map(() => 'open')
  const start = (node: Node): Attempts =>
    createSharedAttempts({
      ...{
        now,
        elapsed,
        sharedNow: now,
        random: randomBytes,
        windowKey: String,
        patienceMs: 5_000,
      },
      redis: gates[node]!.redis,
      nodes: () => all.length,
    })
  const nodes = all.map(start)
  const guesses = new Map<string, Guess>()
  /** A lock is in the database until a success, and whoever starts reads it there. */
  let written: BucketLock | undefined
  let isTroubled = false
  /** What starts anew without Redis knows nothing of the guesses before: it is one node more. */
  let restarts = 0
  let tried = 0

  const beginAnew = (): void => {
    guesses.clear()
    restarts = 0
  }
  const hear = async (node: Node): Promise<void> => {
    await nodes[node]!.state(acme.userKey)
  }
  /** What nobody can know any more is no broken promise. */
  const forget = (isForgotten: (guess: Guess) => boolean): void => {
    for (const [secret, guess] of guesses) if (isForgotten(guess)) guesses.delete(secret)
  }
  const judge = async (node: Node, secret: string, outcome: ReserveOutcome): Promise<void> => {
    if (outcome.outcome !== 'reserved') return
    const { nodes: holders } = guesses.get(secret) ?? { nodes: new Set<Node>() }
    guesses.set(secret, { nodes: holders.add(node), inRedis: gateOf[node] === 'open' })
    const most = isTroubled ? limit + all.length + restarts : limit
    expect(guesses.size, 'guesses that were let through').toBeLessThanOrEqual(most)
    const { lock } = await nodes[node]!.fail(outcome.token)
    if (lock === undefined) return
    written = lock
    expect(lock.consecutive).toBeGreaterThanOrEqual(limit)
    expect(await right(nodes[node]!)).toBe('locked')
  }
  const flush = async (): Promise<void> => {
    isTroubled = true
    await server.admin.flushall()
    for (const guess of guesses.values()) guess.inRedis = false
    forget((guess) => guess.nodes.size === 0)
  }

  const guess = async (next: Extract<Command, { do: 'guess' }>): Promise<void> => {
    if (next.lost) isTroubled = true
    const offers = next.at.flatMap((node) =>
      Array.from({ length: next.times }, () => ({ node, secret: `secret ${++tried}` })),
    )
    const asking = offers.map(({ node, secret }) => begin(nodes[node]!, { fingerprint: secret }))
    if (next.lost) await flush()
    const outcomes = await Promise.all(asking)
    for (const [index, { node, secret }] of offers.entries())
      await judge(node, secret, outcomes[index]!)
  }
  const restart = async (node: Node): Promise<void> => {
    isTroubled = true
    restarts++
    await nodes[node]!.close()
    // It could not take its leave, and is silent until nobody counts on it.
    if (gateOf[node] !== 'open')
      for (const key of await server.admin.keys('law:era:*'))
        for (const field of await server.admin.hkeys(key))
          if (field.startsWith('node ')) await server.admin.hdel(key, field)
    nodes[node] = start(node)
    if (written !== undefined) await nodes[node].restore(written)
    for (const it of guesses.values()) {
      if (it.nodes.delete(node)) it.inRedis = gateOf[node] === 'open'
    }
    forget((it) => it.nodes.size === 0 && !it.inRedis)
  }

  const run = async (next: Command): Promise<void> => {
    if (next.do === 'guess') await guess(next)
    else if (next.do === 'again') {
      const secret = [...guesses.keys()][next.which]
      if (secret !== undefined)
        await judge(next.at, secret, await begin(nodes[next.at]!, { fingerprint: secret }))
    } else if (next.do === 'succeed') {
      if ((await right(nodes[next.at]!)) !== 'cleared') return
      written = undefined
      beginAnew()
    } else if (next.do === 'gate') {
      if (next.gate !== 'open') isTroubled = true
      for (const node of next.at) {
        gateOf[node] = next.gate
        gates[node]!.set(next.gate)
      }
    } else if (next.do === 'flush') await flush()
    else if (next.do === 'restart') await restart(next.at)
    else if (next.do === 'hear') await hear(next.at)
    else {
      clock.wait(next.ms)
      // Every window that was open is over.
      if (next.ms > acme.rules.windowMs) beginAnew()
    }
  }
  // Three nodes that have been there for a while.
  for (const node of [...all, ...all]) await hear(node)
  return {
    run,
    close: async () => {
      for (const it of nodes) await it.close()
    },
  }
}

describe.skipIf(withoutRedis)('three nodes on one Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedisServer()
  })
  afterAll(() => server.stop())

  test('let through limit + nodes, whatever becomes of Redis, and the limit if nothing does (B2)', async () => {
    const connections = await Promise.all(
      all.map(() => guardedRedis(server.target, { prefix: 'law:' })),
    )
    const commands = fc.array(command, { minLength: 10, maxLength: 40, size: 'max' })
    const law = fc.asyncProperty(commands, async (list) => {
      await server.admin.flushall()
      const trial = await createTrial(server, connections)
      try {
        for (const next of list) await trial.run(next)
      } finally {
        await trial.close()
      }
    })
    await fc.assert(law, { numRuns: 200, seed: 20_261_124 })
    for (const redis of connections) await redis.close()
  }, 240_000)
})
