import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createBroadcast, type Broadcast } from '../../db/broadcast.ts'
import { appendChange } from '../../db/changes.ts'
import { transact, type Database } from '../../db/database.ts'
import { createFeed } from '../../db/feed.ts'
import { shareNews } from '../../db/news.ts'
import { placeOf, temporaryDatabase } from '../support/database.ts'
import { connectTo, startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'

/** The machine may be busy: what must happen is waited for. */
const soon = <T>(ask: () => T) => expect.poll(ask, { timeout: 20_000 })

describe.skipIf(withoutRedis)('news', () => {
  let server: RedisServer
  beforeEach(async () => {
    server = await startRedisServer()
    onTestFinished(() => server.stop())
  })

  const openBroadcast = async (): Promise<Broadcast> => {
    const redis = connectTo(server.target, { prefix: 'news:' })
    const broadcast = createBroadcast(redis)
    onTestFinished(async () => {
      broadcast.close()
      await redis.close()
    })
    return broadcast
  }
  const openNode = async (database: Database) => {
    const told: number[] = []
    const fail = (error: unknown): void => {
      throw error
    }
    const feed = await createFeed({
      database,
      elapsed: () => 0,
      // Only a word of another node makes it look.
      pollMs: 600_000,
      onChange: ({ seq }) => void told.push(seq),
      onReturn: () => undefined,
      onLost: fail,
      onFound: () => undefined,
      onError: fail,
    })
    const broadcast = await openBroadcast()
    let begun = 0
    broadcast.onHearing(() => {
      begun++
    })
    const news = shareNews({ database, feed, broadcast })
    onTestFinished(() => {
      news.stop()
      feed.stop()
    })
    await soon(() => begun).toBe(1)
    const change = () =>
      transact(database, (tx) => appendChange(tx, { accountId: 'a1', kind: 'role' }))
    return { told, change, begun: () => begun }
  }
  const openTwo = async () => {
    const database = await temporaryDatabase()
    const elsewhere = await temporaryDatabase(undefined, placeOf(database))
    return [await openNode(database), await openNode(elsewhere)] as const
  }

  test('a change of one node is known to the other by a word', async () => {
    const [here, there] = await openTwo()
    await here.change()
    await soon(() => there.told).toEqual([1])
    await there.change()
    await soon(() => here.told).toEqual([1, 2])
  })

  test.each([
    ['the connection is cut', () => server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')],
    ['Redis is started again', () => server.kill().then(() => server.restart())],
  ])('when %s, what was missed is looked for, and words come again', async (_, cut) => {
    const [here, there] = await openTwo()
    await cut()
    await here.change()
    await soon(() => there.told).toEqual([1])
    await soon(there.begun).toBeGreaterThan(1)
    await soon(here.begun).toBeGreaterThan(1)
    await here.change()
    await soon(() => there.told).toEqual([1, 2])
  })

  test('a change waits for no word of Redis, and needs none', async () => {
    const [here] = await openTwo()
    server.signal('SIGSTOP')
    onTestFinished(() => {
      server.signal('SIGCONT')
    })
    await here.change()
    await server.kill()
    await here.change()
    expect(here.told).toEqual([1, 2])
  })

  test('words reach all who listen to their topic, and nobody else', async () => {
    const [one, other] = [await openBroadcast(), await openBroadcast()]
    const heard: string[] = []
    let begun = 0
    for (const [name, broadcast] of Object.entries({ one, other })) {
      broadcast.onHearing(() => {
        begun++
      })
      broadcast.hear('a', (words) => void heard.push(`${name} ${words}`))
    }
    await soon(() => begun).toBe(2)
    await one.say('b', 'no')
    await one.say('a', 'yes')
    await soon(() => heard.toSorted()).toEqual(['one yes', 'other yes'])
  })
})
