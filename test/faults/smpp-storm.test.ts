import { expect, onTestFinished, test } from 'vitest'
import { findFirstAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import { createUser, setSmppLimits } from '../../db/users.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import { bind, bound, startSmppPair, unbind, until, type SmppPair } from '../support/smpp-pair.ts'

const password = 'a-long-secret-1'

/** Ten seconds of a machine that is ours alone: a loaded one verifies passwords more slowly. */
const DEADLINE_MS = 3 * 10_000
const timeout = 300_000

/** A pair with so many users, who share one hash. */
const crowdedPair = async (users: number, bindLimit: number | null = null): Promise<SmppPair> => {
  const pair = await startSmppPair()
  onTestFinished(pair.stop)
  const { database, hashing } = pair.gateway.core
  const account = await findFirstAccount(database)
  const hashed = await hashing.hash(Buffer.from(password))
  if (account === undefined || hashed.outcome !== 'hashed') throw new Error('not begun')
  await transact(database, async (tx) => {
    for (let at = 0; at < users; at++) {
      const made = await createUser(tx, {
        ...{ actor, accountId: account.id, username: `user-${at}`, passwordHash: hashed.phc },
        apiAccess: { http: false, smpp: true },
      })
      const limits = { bindLimit, bindTypes: null, submitRate: null }
      if ('id' in made) await setSmppLimits(tx, { actor, userId: made.id, ...limits })
    }
  })
  return pair
}

test(
  'J13 of 500 clients that come at once with an unverified password each is served or throttled',
  { timeout },
  async () => {
    const pair = await crowdedPair(500)
    const { smppPort } = pair.gateway
    const counts = { served: 0, throttled: 0 }
    const connect = async (at: number): Promise<void> => {
      const began = performance.now()
      const { peer, answer } = await bind(smppPort, { username: `user-${at}`, password })
      expect(performance.now() - began).toBeLessThan(DEADLINE_MS)
      if (answer.status === statuses.ESME_RTHROTTLED) {
        counts.throttled += 1
        await peer.ended
        await new Promise((resolve) => setTimeout(resolve, 500))
        await connect(at)
        return
      }
      expect(answer.status).toBe(0)
      counts.served += 1
      peer.socket.destroy()
    }
    await Promise.all(Array.from({ length: 500 }, (_, at) => connect(at)))
    expect(counts.served).toBe(500)
    await until(() => pair.gateway.core.live.size() === 0 && pair.smsc.open() === 0)
  },
)

test('J13 500 clients of one user that come at once are all served, for a hash or two', async () => {
  const pair = await crowdedPair(1, 500)
  const peers = await Promise.all(
    Array.from({ length: 500 }, () =>
      bound(pair.gateway.smppPort, { username: 'user-0', password }),
    ),
  )
  expect(pair.gateway.core.live.size('bind')).toBe(500)
  await Promise.all(peers.map(unbind))
  await until(() => pair.gateway.core.live.size() === 0 && pair.smsc.open() === 0)
})

const resources = (): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

// A minute's worth of a client that does 200 a second would be 12,000: here as fast as they go.
test(
  'J14 bind, submit and unbind for every message leave no lease, socket or timer',
  { timeout },
  async () => {
    const pair = await crowdedPair(1, 8)
    const { smppPort } = pair.gateway
    const cycle = async (at: number): Promise<void> => {
      const peer = await bound(smppPort, { username: 'user-0', password })
      peer.send(pdu(commands.submit_sm, at, 'text'))
      expect(readPdu(await peer.next())).toMatchObject({ sequence: at, status: 0 })
      await unbind(peer)
      await until(() => peer.socket.destroyed)
    }
    const run = (cycles: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: 4 }, async () => {
          for (let at = 0; at < cycles / 4; at++) await cycle(at + 1)
        }),
      )
    const settle = async (): Promise<void> => {
      await until(() => pair.gateway.core.live.size() === 0 && pair.smsc.open() === 0)
    }
    await run(40)
    await settle()
    const before = resources()
    await run(1_000)
    await settle()
    // Timers of the test's own and of others here come and go.
    for (const name of ['TCPSocketWrap', 'Timeout'])
      await until(() => (resources()[name] ?? 0) <= (before[name] ?? 0) + 3)
    // All places are free.
    const peers = await Promise.all(
      Array.from({ length: 8 }, () => bound(smppPort, { username: 'user-0', password })),
    )
    await Promise.all(peers.map(unbind))
  },
)
