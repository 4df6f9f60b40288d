import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { transact, type Database } from '../../db/database.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor as actor } from '../../db/record.ts'
import { replaceSafelist } from '../../db/safelists.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setApiAccess, setSmppLimits, setUserEnabled } from '../../db/users.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { bestOfThree } from '../support/best-of-three.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { answerAll, type Recorded } from '../support/recording-smsc.ts'
import {
  bind,
  bound,
  refusalsOf,
  startSmppPair,
  until,
  type SmppPair,
} from '../support/smpp-pair.ts'

const { submit_sm, enquire_link, unbind } = commands
const password = 'a-long-secret-1'
const ANSWER_MS = 300

let pair: SmppPair
let user: UserRow
let users = 0

beforeAll(async () => {
  pair = await startSmppPair({
    // The design's own times.
    file: { smppLimits: { end: { graceMs: 1_000, unbindMs: 5_000, closeMs: 500 } } },
    answer: (request, from) => {
      if (!request.includes('slow')) return answerAll(request, from)
      setTimeout(() => {
        from.peer.send(...answerAll(request, from))
      }, ANSWER_MS)
      return []
    },
  })
})
afterAll(() => pair.stop())
beforeEach(() => newUser())

const binds = (): Promise<RawPeer> =>
  bound(pair.gateway.smppPort, { username: user.username, password })
const lastRecorded = (): Recorded => {
  const recorded = pair.smsc.recorded.at(-1)
  if (recorded === undefined) throw new Error('nothing came')
  return recorded
}

/** What a client hears until the close; it answers an unbind. */
const heardBy = async (peer: RawPeer): Promise<ReturnType<typeof readPdu>[]> => {
  const heard: ReturnType<typeof readPdu>[] = []
  for (;;) {
    const octets = await peer.next().catch(() => undefined)
    if (octets === undefined) return heard
    const read = readPdu(octets)
    heard.push(read)
    if (read.commandId === unbind) peer.send(pdu(0x80000006, read.sequence))
  }
}

const isAlive = async (peer: RawPeer): Promise<boolean> => {
  peer.send(pdu(enquire_link, 99))
  return readPdu(await peer.next()).sequence === 99
}

type Change = (database: Database, user: UserRow) => Promise<unknown>
const disable: Change = (database, { id: userId }) =>
  transact(database, (tx) => setUserEnabled(tx, { actor, userId, enabled: false }))
const setSafelist =
  (...ranges: readonly string[]): Change =>
  (database, { id: userId }) => {
    const entries = ranges.map((range) => ({ range }))
    return transact(database, (tx) => replaceSafelist(tx, { actor, userId, entries }))
  }
const allow =
  (http: boolean, smpp: boolean): Change =>
  (database, { id: userId }) =>
    transact(database, (tx) => setApiAccess(tx, { actor, userId, http, smpp }))
const limit =
  (limits: Omit<Parameters<typeof setSmppLimits>[1], 'actor' | 'userId'>): Change =>
  (database, { id: userId }) =>
    transact(database, (tx) => setSmppLimits(tx, { actor, userId, ...limits }))
const none = { bindLimit: null, bindTypes: null, submitRate: null } as const
const changePassword: Change = async (database, { id: userId }) => {
  const hashed = await pair.gateway.core.hashing.hash(Buffer.from('another-secret-2'))
  if (hashed.outcome !== 'hashed') throw new Error('no hash')
  return transact(database, (tx) => setPassword(tx, { actor, userId, hash: hashed.phc }))
}

/** The change has been heard of, and what is live has been judged by it. */
const reviewed = async (): Promise<void> => {
  const { feed, directory } = pair.gateway.core
  await feed.poll()
  // A review reads the user like anybody else, and goes on before the next event.
  await directory.findById(user.id)
  await new Promise(setImmediate)
}

const newUser = async (): Promise<void> => {
  user = await pair.gateway.addUser({ username: `user-${++users}`, password })
}

/** Disables a user with three binds and ten open submits; how long that takes to be over. */
const disableBusy = async (): Promise<number> => {
  await newUser()
  const sent = pair.smsc.count(submit_sm)
  const peers = [await binds(), await binds(), await binds()]
  const legs = pair.smsc.recorded.slice(-3)
  for (let at = 0; at < 10; at++) peers[at % 3]?.send(pdu(submit_sm, 10 + at, 'slow'))
  await until(() => pair.smsc.count(submit_sm) === sent + 10)
  const began = performance.now()
  await disable(pair.gateway.core.database, user)
  const heard = await Promise.all(peers.map(heardBy))
  await until(() => legs.every(({ peer }) => peer.socket.destroyed))
  const tookMs = performance.now() - began
  const answered = heard.flat().filter(({ commandId }) => commandId === 0x80000004)
  expect(answered.map(({ sequence }) => sequence).toSorted()).toEqual(
    Array.from({ length: 10 }, (_, at) => 10 + at),
  )
  for (const { status } of answered) expect(status).toBe(0)
  for (const each of heard) expect(each.at(-1)).toMatchObject({ commandId: unbind, status: 0 })
  for (const leg of legs) expect(Buffer.concat(leg.heard).readUInt32BE(4)).toBe(9)
  const { answer } = await bind(pair.gateway.smppPort, { username: user.username, password })
  expect(answer.status).toBe(statuses.ESME_RBINDFAIL)
  expect((await refusalsOf(pair.gateway)).at(-1)).toBe('user-disabled')
  return tookMs
}

test('J12 disabled with three binds and ten open submits: answered, unbound on both legs, closed', async () => {
  const bystander = await bound(pair.gateway.smppPort)
  await bestOfThree(2_000, disableBusy)
  expect(await isAlive(bystander)).toBe(true)
  bystander.socket.destroy()
})

const ending: readonly (readonly [string, Change])[] = [
  ['a disabled user', disable],
  ['a new password', changePassword],
  ['a safelist without the address', setSafelist('203.0.113.0/24')],
  ['SMPP switched off', allow(true, false)],
  ['bind types without its own', limit({ ...none, bindTypes: ['transmitter'] })],
]
describe('J12 a bind ends on both legs within a second', () => {
  test.each(ending)('of %s', async (_, change) => {
    await bestOfThree(1_000, async () => {
      await newUser()
      const peer = await binds()
      const { heard, peer: smsc } = lastRecorded()
      const log = heardBy(peer)
      await change(pair.gateway.core.database, user)
      // From the change itself on: a new password is hashed before.
      const began = performance.now()
      expect((await log).map(({ commandId }) => commandId)).toEqual([unbind])
      await until(() => smsc.socket.destroyed)
      const tookMs = performance.now() - began
      const last = Buffer.concat(heard).subarray(-16)
      expect(readPdu(last)).toMatchObject({ commandId: unbind, status: 0 })
      return tookMs
    })
  })
})

const harmless: readonly (readonly [string, Change])[] = [
  ['a safelist with the address', setSafelist('127.0.0.0/8', '203.0.113.0/24')],
  ['HTTP switched off', allow(false, true)],
  ['bind types with its own', limit({ ...none, bindTypes: ['transceiver'] })],
  ['a limit of binds that it keeps to', limit({ ...none, bindLimit: 1 })],
  ['somebody else who is disabled', (database) => disableOther(database)],
]
const disableOther: (database: Database) => Promise<unknown> = async (database) =>
  disable(database, await pair.gateway.addUser({ username: `other-${++users}` }))

describe('a bind that is still permitted is left alone', () => {
  test.each(harmless)('by %s', async (_, change) => {
    const peer = await binds()
    await change(pair.gateway.core.database, user)
    await reviewed()
    expect(await isAlive(peer)).toBe(true)
    peer.socket.destroy()
  })
})
