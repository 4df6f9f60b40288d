import { describe, expect, it, onTestFinished } from 'vitest'
import { closeDatabase, type Database } from '../../db/database.ts'
import { createHeartbeat, findNodes, type Heartbeat } from '../../db/nodes.ts'
import {
  damage,
  isPostgres,
  placeOf,
  silence,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

type Told = { policyAge: number; degraded: boolean }

const startNode = async (
  database: Database,
  id: string,
  told: Told = { policyAge: 7, degraded: false },
  onError = (error: unknown): void => {
    throw error
  },
  onOutdated: () => void = () => {
    throw new Error('nobody has changed the schema')
  },
): Promise<Heartbeat> => {
  const heartbeat = await createHeartbeat({
    database,
    node: { id, name: `host:${id}`, version: '1.2.3', startedAt: someTime },
    policyAge: () => told.policyAge,
    isDegraded: () => told.degraded,
    onError,
    onOutdated,
  })
  onTestFinished(() => heartbeat.stop().catch(() => undefined))
  return heartbeat
}

const idsOf = async (database: Database): Promise<string[]> =>
  (await findNodes(database)).map(({ id }) => id)

describe('nodes', () => {
  it('are found with what they last told of themselves', async () => {
    const clock: Clock = { at: someTime }
    const database = await temporaryDatabase(clock)
    const told = { policyAge: 12.4, degraded: false }
    const { beat } = await startNode(database, 'n1', told)
    clock.at += 5_000
    Object.assign(told, { policyAge: 900, degraded: true })
    await beat()
    const seenAt: unknown = isPostgres ? expect.any(Number) : clock.at
    expect(await findNodes(database)).toEqual([
      {
        ...{ id: 'n1', name: 'host:n1', version: '1.2.3', startedAt: someTime },
        ...{ seenAt, policyAge: 900, degraded: true },
      },
    ])
  })

  it('know how many they are: each counts those it can see', async () => {
    const database = await temporaryDatabase()
    const first = await startNode(database, 'n1')
    expect(first.liveNodes()).toBe(1)
    const second = await startNode(database, 'n2')
    const third = await startNode(database, 'n3')
    await first.beat()
    expect([first, second, third].map(({ liveNodes }) => liveNodes())).toEqual([3, 2, 3])
  })

  it('are gone, and their rows with them, after half a minute of silence', async () => {
    const clock: Clock = { at: someTime }
    const database = await temporaryDatabase(clock)
    const living = await startNode(database, 'n1')
    await startNode(database, 'n2')
    await silence(database, clock, 20_000)
    await living.beat()
    expect(await idsOf(database)).toEqual(['n1', 'n2'])
    expect(living.liveNodes()).toBe(2)
    await silence(database, clock, 10_000)
    await living.beat()
    expect(await idsOf(database)).toEqual(['n1'])
    expect(living.liveNodes()).toBe(1)
    clock.at -= 30_000
    expect(await idsOf(database)).toEqual(['n1'])
  })

  it.runIf(isPostgres)('live whatever the clocks of their machines say', async () => {
    const database = await temporaryDatabase()
    const ahead = await temporaryDatabase({ at: someTime + 3_600_000 }, placeOf(database))
    const [one, other] = [await startNode(database, 'n1'), await startNode(ahead, 'n2')]
    await one.beat()
    await other.beat()
    expect([one.liveNodes(), other.liveNodes()]).toEqual([2, 2])
    expect(await idsOf(database)).toEqual(['n1', 'n2'])
    expect(await idsOf(ahead)).toEqual(['n1', 'n2'])
  })

  it('that were thought to be gone are back with the next sign of life', async () => {
    const clock: Clock = { at: someTime }
    const database = await temporaryDatabase(clock)
    const silent = await startNode(database, 'n1')
    await silence(database, clock, 60_000)
    await startNode(database, 'n2')
    expect(await idsOf(database)).toEqual(['n2'])
    await silent.beat()
    expect(await idsOf(database)).toEqual(['n1', 'n2'])
  })

  it('that stop take themselves off the list, and no others', async () => {
    const database = await temporaryDatabase()
    const leaving = await startNode(database, 'n1')
    await startNode(database, 'n2')
    await Promise.all([leaving.beat(), leaving.stop()])
    expect(await idsOf(database)).toEqual(['n2'])
  })

  it('say once that a newer version has changed the schema, and are nodes as before', async () => {
    const database = await temporaryDatabase()
    let told = 0
    const node = await startNode(database, 'n1', undefined, undefined, () => (told += 1))
    await node.beat()
    expect([node.isOutdated(), told]).toEqual([false, 0])
    await damage(
      database,
      "insert into __drizzle_migrations (hash, created_at) values ('newer', 1)",
    )
    for (let times = 0; times < 2; times++) await node.beat()
    expect([node.isOutdated(), told]).toEqual([true, 1])
    expect(await idsOf(database)).toEqual(['n1'])
  })

  it('that cannot write say so once, and keep the number they knew', async () => {
    const database = await temporaryDatabase()
    const errors: unknown[] = []
    await startNode(database, 'n1')
    const second = await startNode(database, 'n2', undefined, (error) => void errors.push(error))
    await closeDatabase(database)
    await second.beat()
    await second.beat()
    await second.stop()
    expect(errors).toHaveLength(1)
    expect(second.liveNodes()).toBe(2)
  })
})
