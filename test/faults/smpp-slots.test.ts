import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setSmppLimits } from '../../db/users.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { keepAlive } from '../support/keep-alive.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { answerAll } from '../support/recording-smsc.ts'
import {
  bind,
  bound,
  refusalsOf,
  startSmppPair,
  unbind,
  until,
  type Answered,
  type BindAs,
  type SmppPair,
} from '../support/smpp-pair.ts'

const { submit_sm, enquire_link } = commands
const password = 'a-long-secret-1'
/** What a bind may take to show that it lives: much, also for a test that is held up itself. */
const PROBE_MS = 1_500
let pair: SmppPair
let user: UserRow
let users = 0

const startPair = (probeMs: number): Promise<SmppPair> =>
  startSmppPair({
    file: { smppLimits: { relay: { unanswered: 400 }, probeMs } },
    answer: (request, from) => {
      const clings = from.heard[0]?.includes('clings') && request.readUInt32BE(4) === 6
      return clings || request.includes('mute') ? [] : answerAll(request, from)
    },
  })

beforeAll(async () => {
  pair = await startPair(PROBE_MS)
})
afterAll(() => pair.stop())
beforeEach(async () => {
  user = await pair.gateway.addUser({ username: `user-${++users}`, password })
})

type Limits = Omit<Parameters<typeof setSmppLimits>[1], 'actor' | 'userId'>
const limit = async (limits: Partial<Limits>): Promise<void> => {
  const all = { bindLimit: null, bindTypes: null, submitRate: null, ...limits }
  await transact(pair.gateway.core.database, (tx) =>
    setSmppLimits(tx, { actor, userId: user.id, ...all }),
  )
}
const asUser = (more: BindAs = {}): BindAs => ({ username: user.username, password, ...more })
const tries = (more: BindAs = {}): Promise<Answered> => bind(pair.gateway.smppPort, asUser(more))
const binds = (more: BindAs = {}): Promise<RawPeer> => bound(pair.gateway.smppPort, asUser(more))
const lastReason = async (): Promise<string | null | undefined> =>
  (await refusalsOf(pair.gateway)).at(-1)

describe('places for binds', () => {
  test('J11 limit 2, twenty at once: two', async () => {
    await limit({ bindLimit: 2 })
    const all = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const answered = await tries()
        if (answered.answer.status === 0) keepAlive(answered.peer)
        return answered
      }),
    )
    const [inside, outside] = [0, statuses.ESME_RBINDFAIL].map((status) =>
      all.filter(({ answer }) => answer.status === status),
    )
    expect([inside?.length, outside?.length]).toEqual([2, 18])
    expect(await lastReason()).toBe('bind-limit-reached')
    for (const { peer } of inside ?? []) await unbind(peer)
    await unbind(await binds())
  })

  test('at the limit a live bind stays, and the new one is refused', async () => {
    await limit({ bindLimit: 1 })
    const first = await binds()
    const others = Array.from({ length: 10 }, () => tries())
    const asked = readPdu(await first.next())
    expect(asked.commandId).toBe(enquire_link)
    await until(() => pair.gateway.core.metrics.smpp.binding === 10)
    // One question for all of them.
    expect(first.untaken()).toHaveLength(0)
    first.send(pdu(0x80000015, asked.sequence))
    // One that comes later than the others asks anew.
    keepAlive(first)
    for (const { octets, peer } of await Promise.all(others)) {
      expect(octets).toEqual(pdu(0x80000009, 1, '', { status: statuses.ESME_RBINDFAIL }))
      await peer.ended
    }
    first.send(pdu(submit_sm, 2, 'text'))
    await until(() => first.untaken().includes('id-2'))
    await unbind(first)
  })

  test('at the limit the oldest makes room if it is dead, on both legs, and the others stay', async () => {
    await limit({ bindLimit: 2 })
    const [dead, living] = [await binds(), await binds()]
    const smsc = pair.smsc.recorded.at(-2)?.peer
    const next = await binds()
    const asked = readPdu(await dead.next())
    expect(asked.commandId).toBe(enquire_link)
    expect(readPdu(await dead.next()).commandId).toBe(commands.unbind)
    await dead.ended
    await until(() => smsc?.socket.destroyed === true)
    for (const peer of [living, next]) {
      peer.send(pdu(submit_sm, 2, 'text'))
      expect(readPdu(await peer.next())).toMatchObject({ sequence: 2, status: 0 })
      await unbind(peer)
    }
  })

  test('one whose client is gone makes room at once, though its SMSC has not let it go', async () => {
    // Longer than this test may take: whoever waits for a probe is too late.
    const patient = await startPair(60_000)
    onTestFinished(patient.stop)
    const { gateway } = patient
    const { id } = await gateway.addUser({ username: 'one', password })
    const limits = { bindLimit: 1, bindTypes: null, submitRate: null }
    await transact(gateway.core.database, (tx) =>
      setSmppLimits(tx, { actor, userId: id, ...limits }),
    )
    const as = { username: 'one', password }
    const first = await bound(gateway.smppPort, { ...as, body: { systemType: 'clings\0' } })
    first.socket.destroy()
    await unbind(await bound(gateway.smppPort, as))
  })

  test('a whole fleet comes back after its host is lost', async () => {
    await limit({ bindLimit: 2 })
    const dead = [await binds(), await binds()]
    const next = await Promise.all([binds(), binds()])
    await Promise.all(dead.map((peer) => peer.ended))
    for (const peer of next) await unbind(peer)
  })

  test('a bind that is not read from because its SMSC does not answer is not dead', async () => {
    await limit({ bindLimit: 1 })
    const first = await binds()
    keepAlive(first)
    first.send(...Array.from({ length: 400 }, (_, at) => pdu(submit_sm, at + 1, 'mute')))
    await until(() => pair.smsc.count(submit_sm) >= 400)
    expect((await tries()).answer.status).toBe(statuses.ESME_RBINDFAIL)
    expect(first.socket.destroyed).toBe(false)
    expect(pair.smsc.recorded.at(-1)?.peer.socket.destroyed).toBe(false)
    first.socket.destroy()
  })

  test.each(['bind_transceiver', 'bind_receiver'] as const)(
    'a user of transmitters alone is refused %s',
    async (command) => {
      await limit({ bindTypes: ['transmitter'] })
      const { answer } = await tries({ command })
      expect(answer).toMatchObject({ status: statuses.ESME_RBINDFAIL, body: '' })
      expect(await lastReason()).toBe('permission-missing')
      await unbind(await binds({ command: 'bind_transmitter' }))
    },
  )
})
