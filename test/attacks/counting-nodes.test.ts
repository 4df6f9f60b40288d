import { afterEach, describe, expect, test } from 'vitest'
import { countHashes, haveAllTold } from '../support/attempts.ts'
import { basic } from '../support/gateway.ts'
import { startNodes, type Nodes } from '../support/nodes.ts'
import { withoutRedis } from '../support/redis.ts'
import { until } from '../support/smpp-pair.ts'

describe.skipIf(withoutRedis)('three gateways on one Redis', () => {
  let nodes: Nodes
  afterEach(() => nodes.stop())

  const guess = async (at: number): Promise<number> => {
    const authorization = basic('acme', `wrong ${at}`)
    const response = await fetch(nodes.at(at % 3).url, { headers: { authorization } })
    await response.arrayBuffer()
    return response.status
  }
  const start = async (): Promise<() => number> => {
    nodes = await startNodes(3, { users: [{ username: 'acme', password: 'the-right-secret' }] })
    const cores = nodes.gateways.map(({ core }) => core)
    const user = await nodes.at(0).core.directory.find('acme')
    await until(() => haveAllTold(cores, nodes.redis, user?.userKey ?? ''))
    const counts = cores.map(countHashes)
    return () => counts.reduce((sum, { hashes }) => sum + hashes(), 0)
  }

  test('verify five of a thousand wrong passwords that come at once (B2)', async () => {
    const hashes = await start()
    const statuses = await Promise.all(Array.from({ length: 1_000 }, (_, at) => guess(at)))
    expect(new Set(statuses)).toEqual(new Set([401]))
    expect(hashes()).toBe(5)
  })

  test.each([0, 1, 2, 3, 4, 5])(
    'verify at most eight of them with Redis killed after %i (B2)',
    async (before) => {
      const hashes = await start()
      for (let at = 0; at < before; at++) await guess(at)
      const guesses = Array.from({ length: 1_000 }, (_, at) => guess(before + at))
      // What is at it is cut off in the middle.
      await guesses[0]
      await nodes.redis.kill()
      expect(new Set(await Promise.all(guesses))).toEqual(new Set([401]))
      expect(hashes()).toBeGreaterThan(0)
      expect(hashes()).toBeLessThanOrEqual(8)
    },
  )

  test('verify at most eight of those that come at once when it has been lost (B2)', async () => {
    const hashes = await start()
    for (let at = 0; at < 2; at++) await guess(at)
    await nodes.loseRedis()
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => guess(2 + at)))
    expect(hashes()).toBeLessThanOrEqual(8)
  })
})
