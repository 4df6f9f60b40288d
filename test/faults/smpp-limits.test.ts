import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setSmppLimits } from '../../db/users.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import { connectPeer, type RawPeer } from '../support/raw-peer.ts'
import { answerAll, type Recorded } from '../support/recording-smsc.ts'
import { bindAnswer } from '../support/scripted-smsc.ts'
import {
  bind,
  bindPdu,
  bound,
  refusalsOf,
  shortEnds,
  startSmppPair,
  unbind,
  until,
  type SmppPair,
} from '../support/smpp-pair.ts'

const password = 'a-long-secret-1'
let pair: SmppPair
let user: UserRow
let users = 0

beforeAll(async () => {
  pair = await startSmppPair({
    answer: (request, from) => (request.includes('\0silent\0') ? [] : answerAll(request, from)),
  })
})
afterAll(() => pair.stop())
beforeEach(async () => {
  user = await pair.gateway.addUser({ username: `user-${++users}`, password })
})

const limitTo = async (bindLimit: number): Promise<void> => {
  const limits = { bindLimit, bindTypes: null, submitRate: null }
  await transact(pair.gateway.core.database, (tx) =>
    setSmppLimits(tx, { actor, userId: user.id, ...limits }),
  )
}
const as = (body = {}) => ({ username: user.username, password, body })
const binds = (): Promise<RawPeer> => bound(pair.gateway.smppPort, as())
const isAlive = async (peer: RawPeer): Promise<boolean> => {
  peer.send(pdu(commands.enquire_link, 99))
  return readPdu(await peer.next()).sequence === 99
}

/** Asks to bind where the SMSC keeps silent, and waits until it has been asked. */
const silent = async (): Promise<{ peer: RawPeer; smsc: Recorded }> => {
  const before = pair.smsc.recorded.length
  const peer = await connectPeer(pair.gateway.smppPort)
  peer.send(bindPdu(as({ systemType: 'silent\0' })))
  await until(() => (pair.smsc.recorded[before]?.heard.length ?? 0) > 0)
  const smsc = pair.smsc.recorded[before]
  if (smsc === undefined) throw new Error('nothing came')
  return { peer, smsc }
}

describe('a lowered limit of binds', () => {
  test('ends the newest beyond it, on both legs, and the oldest stay', async () => {
    const peers = [await binds(), await binds(), await binds(), await binds()]
    const legs = pair.smsc.recorded.slice(-4)
    await limitTo(2)
    for (const peer of peers.slice(2)) {
      const last = readPdu(await peer.next())
      expect(last).toMatchObject({ commandId: commands.unbind, status: 0 })
      peer.send(pdu(0x80000006, last.sequence))
      await peer.ended
    }
    await until(() => legs.slice(2).every(({ peer }) => peer.socket.destroyed))
    for (const { heard } of legs.slice(2))
      expect(readPdu(Buffer.concat(heard).subarray(-16)).commandId).toBe(commands.unbind)
    for (const peer of peers.slice(0, 2)) expect(await isAlive(peer)).toBe(true)
    await unbind(peers[0]!)
    await unbind(await binds())
    await unbind(peers[1]!)
  })

  test('refuses the newest when that still waits for its SMSC', async () => {
    const first = await binds()
    const { peer, smsc } = await silent()
    await limitTo(1)
    expect(readPdu(await peer.next())).toMatchObject({ status: statuses.ESME_RBINDFAIL, body: '' })
    await peer.ended
    await until(() => smsc.peer.socket.destroyed)
    expect((await refusalsOf(pair.gateway)).at(-1)).toBe('bind-limit-reached')
    expect(await isAlive(first)).toBe(true)
    await unbind(first)
  })

  test('refuses a bind that was given its place under the old one meanwhile', async () => {
    const first = await binds()
    const { directory } = pair.gateway.core
    const { findById } = directory
    let asked = 0
    // The first answer is of the time before the change.
    const before = await findById(user.id)
    await limitTo(1)
    await until(async () => (await findById(user.id))?.smppLimits.binds === 1)
    Object.assign(directory, {
      findById: async (id: string) => (++asked === 1 ? before : findById(id)),
    })
    const { answer } = await bind(pair.gateway.smppPort, as())
    Object.assign(directory, { findById })
    expect(answer.status).toBe(statuses.ESME_RBINDFAIL)
    expect(await isAlive(first)).toBe(true)
    await unbind(first)
  })
})

const partings: readonly (readonly [string, (peer: RawPeer) => void])[] = [
  ['closes', ({ socket }) => socket.destroy()],
  ['half-closes', ({ socket }) => socket.end()],
  ['resets', ({ socket }) => socket.resetAndDestroy()],
  [
    'sends more and half-closes',
    ({ socket }) => socket.end(pdu(commands.submit_sm, 2, 'x'.repeat(9_000))),
  ],
]

describe('a client that goes while the SMSC has not answered', () => {
  test.each(partings)('by which it %s is noticed at once, and holds nothing', async (_, part) => {
    await limitTo(1)
    const { peer, smsc } = await silent()
    const began = performance.now()
    part(peer)
    await until(() => !pair.gateway.core.live.has(user.id))
    await until(() => smsc.peer.socket.destroyed)
    // Not at the deadline of the bind upstream, which is ten seconds.
    expect(performance.now() - began).toBeLessThan(5_000)
    expect(Buffer.concat(smsc.heard)).toHaveLength(bindPdu(as({ systemType: 'silent\0' })).length)
    await unbind(await binds())
  })

  test('an SMSC that answers all the same is unbound', async () => {
    const patient = await startSmppPair({
      answer: (request, from) => (readPdu(request).commandId === 9 ? [] : answerAll(request, from)),
      file: { smppLimits: { end: { ...shortEnds, closeMs: 10_000 } } },
    })
    onTestFinished(patient.stop)
    const peer = await connectPeer(patient.gateway.smppPort)
    peer.send(bindPdu())
    await until(() => (patient.smsc.recorded[0]?.heard.length ?? 0) > 0)
    const smsc = patient.smsc.recorded[0]!
    peer.socket.end()
    await until(() => patient.gateway.core.metrics.smpp.binding === 0)
    smsc.peer.send(bindAnswer(smsc.heard[0]!))
    await smsc.peer.ended
    const octets = Buffer.concat(smsc.heard)
    expect(readPdu(octets.subarray(-16))).toMatchObject({ commandId: commands.unbind, status: 0 })
  })

  test('what it sent before the answer and stayed for goes on behind it, in order', async () => {
    const { peer, smsc } = await silent()
    const sent = Array.from({ length: 200 }, (_, at) =>
      pdu(commands.submit_sm, at + 2, 'x'.repeat(1_000)),
    )
    peer.send(...sent)
    await until(() => peer.socket.writableLength === 0)
    const before = smsc.heard.length
    expect(before).toBe(1)
    smsc.peer.send(bindAnswer(smsc.heard[0]!))
    expect(readPdu(await peer.next()).status).toBe(0)
    const all = Buffer.concat(sent)
    await until(() => Buffer.concat(smsc.heard.slice(1)).length >= all.length)
    expect(Buffer.concat(smsc.heard.slice(1)).equals(all)).toBe(true)
    peer.socket.destroy()
  })
})

test('the gauge tells binds that stand from those under way', async () => {
  const states = async (): Promise<Record<string, number>> => {
    const text = await (await fetch(`${pair.gateway.adminUrl}/metrics`)).text()
    const found = text.matchAll(/sallyport_binds\{state="(\w+)"\} (\d+)/g)
    return Object.fromEntries(Array.from(found, ([, state = '', count]) => [state, Number(count)]))
  }
  const are = async (bound: number, binding: number, unbound: number): Promise<void> => {
    const wanted = JSON.stringify({ bound, binding, unbound })
    await until(async () => JSON.stringify(await states()) === wanted)
  }
  await are(0, 0, 0)
  const standing = await binds()
  const nothing = await connectPeer(pair.gateway.smppPort)
  await are(1, 0, 1)
  const { peer } = await silent()
  await are(1, 1, 1)
  for (const { socket } of [peer, nothing]) socket.destroy()
  await are(1, 0, 0)
  await unbind(standing)
  await are(0, 0, 0)
})
