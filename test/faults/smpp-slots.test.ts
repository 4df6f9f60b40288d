import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setSmppLimits } from '../../db/users.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { createShiftedClock } from '../support/clock.ts'
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

const { submit_sm, data_sm, query_sm, enquire_link } = commands
const password = 'a-long-secret-1'
/** What a bind may take to show that it lives: much, also for a test that is held up itself. */
const PROBE_MS = 1_500
const clock = createShiftedClock()
let pair: SmppPair
let user: UserRow
let users = 0

beforeAll(async () => {
  pair = await startSmppPair({
    system: clock,
    file: { smppLimits: { relay: { unanswered: 400 }, probeMs: PROBE_MS } },
    answer: (request, from) => {
      const clings = from.heard[0]?.includes('clings') && request.readUInt32BE(4) === 6
      return clings || request.includes('mute') ? [] : answerAll(request, from)
    },
  })
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
    await wait(50)
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
    await limit({ bindLimit: 1 })
    const first = await binds({ body: { systemType: 'clings\0' } })
    first.socket.destroy()
    const began = performance.now()
    await unbind(await binds())
    expect(performance.now() - began).toBeLessThan(PROBE_MS)
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

/** Sends messages, and tells which were answered how. */
const send = async (
  peer: RawPeer,
  count: number,
  from = 1_000,
  command: number = submit_sm,
): Promise<{ passed: number[]; throttled: number[] }> => {
  peer.send(...Array.from({ length: count }, (_, at) => pdu(command, from + at, 'part')))
  const passed: number[] = []
  const throttled: number[] = []
  for (let at = 0; at < count; at++) {
    const { sequence, status, commandId, body } = readPdu(await peer.next())
    expect(commandId).toBe(0x80000000 + command)
    if (status === 0) passed.push(sequence)
    else if (status === statuses.ESME_RTHROTTLED && body === '') throttled.push(sequence)
  }
  expect(passed.length + throttled.length).toBe(count)
  return { passed, throttled }
}

describe('a rate of messages', () => {
  test('lets the longest message through at once, and then its own number a second', async () => {
    await limit({ submitRate: 10 })
    const peer = await binds()
    const heard = (): number => pair.smsc.count(submit_sm)
    const before = heard()
    const first = await send(peer, 260)
    expect(first.passed).toEqual(Array.from({ length: 255 }, (_, at) => 1_000 + at))
    expect(first.throttled).toEqual([1_255, 1_256, 1_257, 1_258, 1_259])
    expect(heard() - before).toBe(255)
    peer.send(pdu(query_sm, 7), pdu(enquire_link, 8))
    expect(readPdu(await peer.next())).toMatchObject({ sequence: 7, status: 0 })
    expect(readPdu(await peer.next())).toMatchObject({ sequence: 8, status: 0 })
    clock.pass(1_000)
    const second = await send(peer, 20, 2_000)
    expect(second.passed.length).toBeGreaterThanOrEqual(10)
    expect(second.passed.length).toBeLessThanOrEqual(12)
    await unbind(peer)
  })

  test('is the user’s, over all binds, and a new bind does not fill it anew', async () => {
    await limit({ submitRate: 1 })
    const [one, other] = [await binds(), await binds()]
    expect((await send(one, 200)).passed).toHaveLength(200)
    expect((await send(other, 60, 1, data_sm)).passed.length).toBeLessThanOrEqual(58)
    await unbind(one)
    await unbind(other)
    const again = await binds()
    expect((await send(again, 10)).passed.length).toBeLessThanOrEqual(2)
    await unbind(again)
  })

  test('holds at once for binds that stand, and goes as it came', async () => {
    const peer = await binds()
    expect((await send(peer, 300)).throttled).toHaveLength(0)
    await limit({ submitRate: 1 })
    expect((await send(peer, 300)).throttled.length).toBeGreaterThanOrEqual(40)
    await limit({ submitRate: null })
    expect((await send(peer, 300)).throttled).toHaveLength(0)
    await unbind(peer)
  })
})
