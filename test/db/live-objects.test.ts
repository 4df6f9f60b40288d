import { describe, expect, it, onTestFinished } from 'vitest'
import { transact, type Database } from '../../db/database.ts'
import { createLiveLog } from '../../db/live-log.ts'
import {
  askEnd,
  countLiveObjects,
  findLiveObjects,
  findLiveOwner,
  type LiveObjectRow,
} from '../../db/live-objects.ts'
import { createHeartbeat, type Heartbeat } from '../../db/nodes.ts'
import { systemActor } from '../../db/record.ts'
import {
  addAccount,
  addUser,
  refuseWrites,
  someTime,
  silence,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const startWorld = async () => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  const user = await addUser(database, account.id, { username: 'alice' })
  return { clock, database, accountId: account.id, userId: user.id }
}

/** A node that says by its `open` what it has open. */
const startNode = async (database: Database, name: string) => {
  const heartbeat: Heartbeat = await createHeartbeat({
    database,
    node: { id: name, name, version: '1', startedAt: someTime },
    policyAge: () => 0,
    isDegraded: () => false,
    onError: (error) => {
      throw error
    },
    onOutdated: () => undefined,
  })
  const open = new Map<string, LiveObjectRow>()
  const failures: unknown[] = []
  const log = createLiveLog({
    database,
    nodeId: heartbeat.nodeId,
    open: () => open.values(),
    end: (id) => {
      open.delete(id)
    },
    onError: (error) => failures.push(error),
  })
  onTestFinished(async () => {
    await log.stop()
    await heartbeat.stop().catch(() => undefined)
  })
  return { ...heartbeat, open, failures, log }
}

const rowOf = (
  id: string,
  { userId, accountId }: { readonly userId: string; readonly accountId: string },
): LiveObjectRow => ({
  ...{ id, userId, accountId, kind: 'bind', source: '192.0.2.1', since: someTime },
  target: 'bind_transceiver',
})

describe('what is open at the nodes', () => {
  it('is found at every other one, with its user and its node', async () => {
    const { database, ...of } = await startWorld()
    const node = await startNode(database, 'n1')
    node.open.set('o1', rowOf('o1', of))
    await node.log.look()
    expect(await findLiveObjects(database, { accountId: of.accountId, limit: 9 })).toEqual([
      {
        ...{ id: 'o1', userId: of.userId, username: 'alice', kind: 'bind', since: someTime },
        ...{ source: '192.0.2.1', target: 'bind_transceiver', node: 'n1' },
      },
    ])
    expect(await findLiveOwner(database, of.accountId, 'o1')).toBe(of.userId)
    node.open.clear()
    await node.log.look()
    expect(await countLiveObjects(database, { accountId: of.accountId })).toBe(0)
  })

  it('is shown page by page, of one user or all, and of no other account', async () => {
    const { database, ...of } = await startWorld()
    const bob = await addUser(database, of.accountId, { username: 'bob' })
    const node = await startNode(database, 'n1')
    for (let at = 10; at < 1310; at++) {
      const id = `o${String(at).padStart(4, '0')}`
      node.open.set(id, rowOf(id, at % 13 === 0 ? { ...of, userId: bob.id } : of))
    }
    await node.log.look()
    const { accountId } = of
    expect(await countLiveObjects(database, { accountId })).toBe(1300)
    expect(await countLiveObjects(database, { accountId, userId: bob.id })).toBe(100)
    const page = await findLiveObjects(database, { accountId, after: 'o0011', limit: 2 })
    expect(page.map(({ id }) => id)).toEqual(['o0012', 'o0013'])
    expect(await countLiveObjects(database, { accountId: 'other' })).toBe(0)
    expect(await findLiveOwner(database, 'other', 'o0010')).toBeUndefined()
  })

  it('goes with a node that is silent or stops, and comes back with it', async () => {
    const { database, clock, ...of } = await startWorld()
    const { accountId } = of
    const [node, other] = [await startNode(database, 'n1'), await startNode(database, 'n2')]
    node.open.set('o1', rowOf('o1', of))
    await node.log.look()
    await silence(database, clock, 60_000)
    expect(await countLiveObjects(database, { accountId })).toBe(0)
    // The other takes it for gone, and lets go of its rows.
    await other.beat()
    await node.beat()
    await node.log.look()
    expect(await countLiveObjects(database, { accountId })).toBe(1)
    await node.log.stop()
    await node.stop()
    expect(await countLiveObjects(database, { accountId })).toBe(0)
  })

  it('is ended by its node, and by no other, when somebody asks for it', async () => {
    const { database, ...of } = await startWorld()
    const { accountId } = of
    const [node, other] = [await startNode(database, 'n1'), await startNode(database, 'n2')]
    node.open.set('o1', rowOf('o1', of)).set('o2', rowOf('o2', of))
    await node.log.look()
    const end = (account: string, id: string) =>
      transact(database, (tx) => askEnd(tx, { actor: systemActor, accountId: account, id }))
    expect(await end('other', 'o1')).toEqual({ refused: 'not-found' })
    expect(await end(accountId, 'o1')).toEqual({ ended: true })
    expect(await end(accountId, 'o1')).toEqual({ refused: 'not-found' })
    expect(await countLiveObjects(database, { accountId })).toBe(1)
    await other.log.look()
    expect(node.open.size).toBe(2)
    await node.log.look()
    expect([...node.open.keys()]).toEqual(['o2'])
  })

  it('is told as soon as that can be written again, and the failure once', async () => {
    const { database, ...of } = await startWorld()
    const node = await startNode(database, 'n1')
    node.open.set('o1', rowOf('o1', of))
    const allow = await refuseWrites(database)
    await node.log.look()
    await node.log.look()
    expect(node.failures).toHaveLength(1)
    await allow()
    await node.log.look()
    expect(await countLiveObjects(database, { accountId: of.accountId })).toBe(1)
  })
})
