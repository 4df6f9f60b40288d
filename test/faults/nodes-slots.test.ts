import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setSmppLimits } from '../../db/users.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { serveCli } from '../support/cli.ts'
import { keepAlive } from '../support/keep-alive.ts'
import { startNodes, type Nodes } from '../support/nodes.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { withoutRedis } from '../support/redis.ts'
import { bind, bound, unbind, until, type Answered } from '../support/smpp-pair.ts'

const password = 'a-long-secret-1'
const LEASE_MS = 2_000
const PROBE_MS = 1_500
const smppLimits = { leaseMs: LEASE_MS, probeMs: PROBE_MS }

describe.skipIf(withoutRedis)('places for binds on several nodes', () => {
  let nodes: Nodes
  let user: UserRow
  let users = 0

  beforeAll(async () => {
    nodes = await startNodes(2, { file: { smppLimits } })
    await until(() => nodes.gateways.every(({ core }) => core.liveNodes() === 2))
  })
  afterAll(() => nodes.stop())
  beforeEach(async () => {
    user = await nodes.at(0).addUser({ username: `user-${++users}`, password })
  })

  /** Sets the limit, and waits until all nodes know it. */
  const limit = async (bindLimit: number): Promise<void> => {
    await transact(nodes.at(0).core.database, (tx) =>
      setSmppLimits(tx, {
        ...{ actor, userId: user.id, bindLimit },
        ...{ bindTypes: null, submitRate: null },
      }),
    )
    for (const { core } of nodes.gateways)
      await until(
        async () => (await core.directory.findById(user.id))?.smppLimits.binds === bindLimit,
      )
  }
  const asUser = () => ({ username: user.username, password })
  const tries = async (port: number): Promise<Answered> => {
    const answered = await bind(port, asUser())
    if (answered.answer.status === 0) keepAlive(answered.peer)
    return answered
  }
  const triesAt = (place: number): Promise<Answered> => tries(nodes.at(place).smppPort)
  /** A bind that is alive, for as long as it is. */
  const bindsAt = async (place: number): Promise<RawPeer> => {
    const peer = await bound(nodes.at(place).smppPort, asUser())
    keepAlive(peer)
    return peer
  }
  const statusAt = async (place: number): Promise<number> => {
    const { answer, peer } = await triesAt(place)
    if (answer.status !== 0) await peer.ended
    return answer.status
  }
  const isServed = async (peer: RawPeer): Promise<boolean> => {
    peer.send(pdu(commands.submit_sm, 77, 'text'))
    await until(() => peer.socket.destroyed || peer.untaken().includes('id-77'))
    return !peer.socket.destroyed
  }
  const leasesOf = async (): Promise<number> => {
    const keys = await nodes.redis.admin.keys('*binds*')
    const counts = await Promise.all(keys.map((key) => nodes.redis.admin.zcard(key)))
    return counts.reduce((sum, count) => sum + count, 0)
  }
  const allUnbind = async (peers: readonly RawPeer[]): Promise<void> => {
    for (const peer of peers) await unbind(peer)
    await until(async () => (await leasesOf()) === 0)
  }

  test('J11 limit 2, twenty at once on two nodes: two', async () => {
    await limit(2)
    const all = await Promise.all(Array.from({ length: 20 }, (_, at) => triesAt(at % 2)))
    const inside = all.filter(({ answer }) => answer.status === 0)
    const outside = all.filter(({ answer }) => answer.status === statuses.ESME_RBINDFAIL)
    expect([inside.length, outside.length]).toEqual([2, 18])
    expect(await leasesOf()).toBe(2)
    await allUnbind(inside.map(({ peer }) => peer))
    const again = await bindsAt(0)
    await allUnbind([again])
  })

  test('the oldest of another node stays when it shows that it lives', async () => {
    await limit(1)
    const first = await bound(nodes.at(0).smppPort, asUser())
    const refused = statusAt(1)
    const asked = readPdu(await first.next())
    expect(asked.commandId).toBe(commands.enquire_link)
    first.send(pdu(0x80000015, asked.sequence))
    expect(await refused).toBe(statuses.ESME_RBINDFAIL)
    keepAlive(first)
    expect(await isServed(first)).toBe(true)
    await allUnbind([first])
  })

  test('the oldest of another node makes room when it is dead, on both legs', async () => {
    await limit(2)
    const dead = await bound(nodes.at(0).smppPort, asUser())
    const smsc = nodes.smsc.recorded.at(-1)?.peer
    const living = await bindsAt(1)
    const next = await bindsAt(1)
    expect(readPdu(await dead.next()).commandId).toBe(commands.enquire_link)
    expect(readPdu(await dead.next()).commandId).toBe(commands.unbind)
    await dead.ended
    await until(() => smsc?.socket.destroyed === true)
    for (const peer of [living, next]) expect(await isServed(peer)).toBe(true)
    await allUnbind([living, next])
  })

  test('J11 a node that is killed: its places are free when their leases have lapsed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-settings-'))
    onTestFinished(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    const config = join(folder, 'sallyport.json')
    writeFileSync(config, JSON.stringify({ smppLimits, redisTimeoutMs: 5_000 }))
    const third = await serveCli({ ...nodes.env, SALLYPORT_CONFIG: config })
    const port = Number(/:(\d+)$/.exec(String(third.listening['smpp']))?.[1])
    await limit(2)
    for (let at = 0; at < 2; at++) expect((await tries(port)).answer.status).toBe(0)
    expect(await statusAt(0)).toBe(statuses.ESME_RBINDFAIL)
    const killed = performance.now()
    await third.end('SIGKILL')
    // Nobody answers for them: they hold for as long as their leases.
    const peers: RawPeer[] = []
    while (peers.length < 2) {
      const { answer, peer } = await triesAt(peers.length)
      if (answer.status === 0) peers.push(peer)
    }
    // The lease, and one bind that was still being refused for the time of a probe.
    expect(performance.now() - killed).toBeLessThan(LEASE_MS + 2 * PROBE_MS + 10_000)
    expect(await statusAt(0)).toBe(statuses.ESME_RBINDFAIL)
    await allUnbind(peers)
  })

  test('a Redis that is flushed, or lost and back, ends no bind and gives no place twice', async () => {
    await limit(2)
    const peers = [await bindsAt(0), await bindsAt(1)]
    await nodes.redis.admin.flushall()
    await until(async () => (await leasesOf()) === 2)
    expect(await statusAt(0)).toBe(statuses.ESME_RBINDFAIL)
    await nodes.loseRedis()
    // Longer than any lease: what stands goes on without one.
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS * 1.5))
    for (const peer of peers) expect(await isServed(peer)).toBe(true)
    await nodes.regainRedis()
    await until(async () => (await leasesOf()) === 2)
    expect(await statusAt(1)).toBe(statuses.ESME_RBINDFAIL)
    await allUnbind(peers)
  })

  test('while Redis is lost each node lets its part in, and what is too many goes when it is back', async () => {
    await limit(2)
    await nodes.loseRedis()
    const peers = [await bindsAt(0), await bindsAt(1)]
    for (const place of [0, 1]) expect(await statusAt(place)).toBe(statuses.ESME_RBINDFAIL)
    await nodes.regainRedis()
    await until(async () => (await leasesOf()) === 2)
    for (const peer of peers) expect(await isServed(peer)).toBe(true)
    await allUnbind(peers)
    await limit(1)
    await nodes.loseRedis()
    const rivals = [await bindsAt(0), await bindsAt(1)]
    await nodes.regainRedis()
    await until(() => rivals.some(({ socket }) => socket.destroyed))
    const left = rivals.filter(({ socket }) => !socket.destroyed)
    expect(left).toHaveLength(1)
    await allUnbind(left)
  })
})
