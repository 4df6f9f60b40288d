import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setSmppLimits } from '../../db/users.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { createStillClock } from '../support/clock.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { bound, startSmppPair, unbind, type SmppPair } from '../support/smpp-pair.ts'

const { submit_sm, data_sm, query_sm, enquire_link } = commands
const password = 'a-long-secret-1'
const clock = createStillClock()
let pair: SmppPair
let user: UserRow
let users = 0

beforeAll(async () => {
  pair = await startSmppPair({ system: clock })
})
afterAll(() => pair.stop())
beforeEach(async () => {
  user = await pair.gateway.addUser({ username: `user-${++users}`, password })
})

const limit = async ({ submitRate }: { submitRate: number | null }): Promise<void> => {
  const limits = { bindLimit: null, bindTypes: null, submitRate }
  await transact(pair.gateway.core.database, (tx) =>
    setSmppLimits(tx, { actor, userId: user.id, ...limits }),
  )
}
const binds = (): Promise<RawPeer> =>
  bound(pair.gateway.smppPort, { username: user.username, password })

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
    expect(second.passed).toHaveLength(10)
    await unbind(peer)
  })

  test('is the user’s, over all binds, and a new bind does not fill it anew', async () => {
    await limit({ submitRate: 1 })
    const [one, other] = [await binds(), await binds()]
    expect((await send(one, 200)).passed).toHaveLength(200)
    expect((await send(other, 60, 1, data_sm)).passed).toHaveLength(55)
    await unbind(one)
    await unbind(other)
    const again = await binds()
    expect((await send(again, 10)).passed).toHaveLength(0)
    await unbind(again)
  })

  test('holds at once for binds that stand, and goes as it came', async () => {
    const peer = await binds()
    expect((await send(peer, 300)).throttled).toHaveLength(0)
    await limit({ submitRate: 1 })
    expect((await send(peer, 300)).throttled).toHaveLength(45)
    await limit({ submitRate: null })
    expect((await send(peer, 300)).throttled).toHaveLength(0)
    await unbind(peer)
  })
})
