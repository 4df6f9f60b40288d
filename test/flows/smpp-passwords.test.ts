import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { setPassword, setSmppPassword } from '../../db/passwords.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { commands } from '../../gateway/smpp/constants.ts'
import { createShiftedClock } from '../support/clock.ts'
import { basic } from '../support/gateway.ts'
import { pdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { bind, bound, startSmppPair, until, type SmppPair } from '../support/smpp-pair.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'

const clock = createShiftedClock()
const ordinary = 'an-ordinary-secret'
let pair: SmppPair
let upstream: TestUpstream
let user: UserRow
let users = 0

beforeAll(async () => {
  upstream = await startUpstream()
  pair = await startSmppPair({ system: clock, env: { HTTP_UPSTREAM: upstream.url } })
})
afterAll(async () => {
  await pair.stop()
  await upstream.stop()
})
beforeEach(async () => {
  user = await pair.gateway.addUser({ username: `user-${++users}`, password: ordinary })
})

const hash = async (secret: string): Promise<string> => {
  const hashed = await pair.gateway.core.hashing.hash(Buffer.from(secret))
  if (hashed.outcome !== 'hashed') throw new Error('no hash')
  return hashed.phc
}
const setSmpp = async (secret: string | null, overlapMs = 0): Promise<void> => {
  const change = { actor, userId: user.id, hash: secret && (await hash(secret)), overlapMs }
  await transact(pair.gateway.core.database, (tx) => setSmppPassword(tx, change))
}
const setOrdinary = async (secret: string): Promise<void> => {
  const change = { actor, userId: user.id, hash: await hash(secret) }
  await transact(pair.gateway.core.database, (tx) => setPassword(tx, change))
}

const as = (password: string) => ({ username: user.username, password })
const opens = async (password: string): Promise<boolean> => {
  const { peer, answer } = await bind(pair.gateway.smppPort, as(password))
  peer.socket.destroy()
  return answer.status === 0
}
const binds = (password: string): Promise<RawPeer> => bound(pair.gateway.smppPort, as(password))

/** What an expired safelist or password is noticed by. */
const review = async (): Promise<void> => {
  const { live, directory } = pair.gateway.core
  live.review(user.id, await directory.findById(user.id))
}

/** Whether a bind still stands, once all news has been acted upon. */
const stands = async (peer: RawPeer): Promise<boolean> => {
  await review()
  peer.send(pdu(commands.enquire_link, 9))
  return (await peer.next().catch(() => undefined))?.readUInt32BE(4) === 0x80000015
}

describe('an SMPP password', () => {
  test('binds, and the ordinary one no longer does; HTTP knows only the ordinary one', async () => {
    expect(await opens(ordinary)).toBe(true)
    await setSmpp('for-smpp')
    expect(await opens('for-smpp')).toBe(true)
    expect(await opens(ordinary)).toBe(false)
    const call = async (password: string): Promise<number> =>
      (
        await fetch(pair.gateway.url, {
          headers: { authorization: basic(user.username, password) },
        })
      ).status
    expect(await call(ordinary)).toBe(200)
    expect(await call('for-smpp')).toBe(401)
    await setSmpp(null)
    expect(await opens(ordinary)).toBe(true)
    expect(await opens('for-smpp')).toBe(false)
  })

  test('that is changed with an overlap leaves the old one good until its time', async () => {
    await setSmpp('the-first')
    await setSmpp('the-second', 60_000)
    for (const password of ['the-first', 'the-second', 'the-first'])
      expect(await opens(password)).toBe(true)
    clock.pass(59_000)
    expect(await opens('the-first')).toBe(true)
    clock.pass(1_000)
    expect(await opens('the-first')).toBe(false)
    expect(await opens('the-second')).toBe(true)
  })

  test('that is the first one, with an overlap, leaves the ordinary one good until its time', async () => {
    await setSmpp('for-smpp', 60_000)
    expect(await opens(ordinary)).toBe(true)
    expect(await opens('for-smpp')).toBe(true)
    clock.pass(60_000)
    expect(await opens(ordinary)).toBe(false)
    await setSmpp(null)
    await setSmpp('for-smpp', 60_000)
    await setOrdinary('a-newer-secret')
    expect(await opens(ordinary)).toBe(false)
  })
})

describe('binds that stand while a password changes', () => {
  test('are left alone by an overlap until the time of the old one is over', async () => {
    await setSmpp('the-first')
    const old = await binds('the-first')
    await setSmpp('the-second', 60_000)
    const [oldToo, newer] = [await binds('the-first'), await binds('the-second')]
    for (const peer of [old, oldToo, newer]) expect(await stands(peer)).toBe(true)
    clock.pass(60_000)
    for (const peer of [old, oldToo]) expect(await stands(peer)).toBe(false)
    expect(await stands(newer)).toBe(true)
    newer.socket.destroy()
  })

  test('end at once without an overlap', async () => {
    await setSmpp('the-first')
    const old = await binds('the-first')
    await setSmpp('the-second')
    await old.next()
    await old.ended
  })

  test('end with a new ordinary password, unless they have one of their own', async () => {
    const plain = await binds(ordinary)
    await setOrdinary('a-newer-secret')
    await plain.ended
    await setSmpp('for-smpp')
    const own = await binds('for-smpp')
    await setOrdinary('the-newest-secret')
    expect(await stands(own)).toBe(true)
    own.socket.destroy()
    await until(() => pair.smsc.open() === 0)
  })
})
