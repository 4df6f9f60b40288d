import { rmSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { bothNodes, type Node } from '../support/model-seen.ts'
import { firstPassword, makeModelFolder, openWorld, type World } from '../support/model-world.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'

const home = '203.0.113.7'
const hour = 3_600_000
const botsAnHour = 42

/** A thousand addresses, none of them twice in a day. */
const botOf = (at: number): string => `198.18.${Math.floor(at / 250)}.${(at % 250) + 1}`

describe.skipIf(withoutRedis)('a botnet of a thousand on one user, for a day', () => {
  let redis: RedisServer
  let template: string
  let world: World
  beforeAll(async () => {
    redis = await startRedisServer()
    template = await makeModelFolder()
  })
  beforeEach(async () => {
    world = await openWorld(template, redis)
    // Where the user usually is.
    expect(await enter(0)).toBe('permit')
    await world.pass(60_000)
  })
  afterEach(() => world.stop())
  afterAll(async () => {
    rmSync(template, { recursive: true, force: true })
    await redis.stop()
  })

  const enter = async (node: Node, from = home): Promise<string | undefined> =>
    (await world.offer([{ node, from, secret: firstPassword }])).words[0]

  const guessForAnHour = async (past: number): Promise<number> => {
    const offers = Array.from({ length: botsAnHour }, (_, at) => {
      const node: Node = at % 2 === 0 ? 0 : 1
      return { node, from: botOf(past * botsAnHour + at), secret: `guess ${past} ${at}` }
    })
    const { events, words } = await world.offer(offers)
    expect(words).not.toContain('permit')
    return events.filter(({ kind }) => kind === 'verify').length
  }

  /** Answers how many guesses were verified. */
  const spendADay = async (mostAnHour: number): Promise<number> => {
    let verified = 0
    for (let past = 0; past < 24; past++) {
      const guesses = await guessForAnHour(past)
      expect(guesses).toBeLessThanOrEqual(mostAnHour)
      verified += guesses
      for (const node of bothNodes) await world.hear(node)
      for (const node of bothNodes) expect(await enter(node)).toBe('permit')
      await world.pass(hour)
    }
    expect(world.failures).toEqual([])
    return verified
  }

  test('leaves the user in from a known source at both nodes throughout (B13)', async () => {
    // Locks double: 15 and 30 minutes, then 1, 2, 4, 8 and 16 hours.
    expect(await spendADay(5)).toBeLessThanOrEqual(8 * 5)
  })

  test('the same while Redis is away (B13)', async () => {
    await world.hear(1)
    await world.lose(bothNodes, false)
    await spendADay(5 + bothNodes.length)
    await world.regain()
    for (const node of bothNodes) expect(await enter(node)).toBe('permit')
  })
})
