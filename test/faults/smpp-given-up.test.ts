import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { closeDatabase, openDatabase, transact, type Database } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setSmppLimits } from '../../db/users.ts'
import { databaseFileOf } from '../../gateway/data-folder.ts'
import { statuses } from '../../gateway/smpp/constants.ts'
import { createSystem } from '../../gateway/system.ts'
import { temporaryFolder } from '../support/database.ts'
import { cutPdus } from '../support/pdu.ts'
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
    // Nothing here closes because it took too long.
    file: { smppLimits: { end: { ...shortEnds, closeMs: 25_000 } } },
    answer: (request, from) => (request.includes('silent') ? [] : answerAll(request, from)),
  })
})
afterAll(() => pair.stop())
beforeEach(async () => {
  user = await pair.gateway.addUser({ username: `user-${++users}`, password })
  const limits = { bindLimit: 1, bindTypes: null, submitRate: null }
  await transact(pair.gateway.core.database, (tx) =>
    setSmppLimits(tx, { actor, userId: user.id, ...limits }),
  )
})

/** The client leaves while its bind is with the SMSC, which has not answered. */
const leaveMeanwhile = async (): Promise<Recorded> => {
  const before = pair.smsc.recorded.length
  const peer: RawPeer = await connectPeer(pair.gateway.smppPort)
  peer.send(bindPdu({ username: user.username, password, body: { systemType: 'silent\0' } }))
  const heard = (): number => pair.smsc.recorded[before]?.heard.length ?? 0
  await until(() => heard() > 0)
  peer.socket.destroy()
  await until(() => pair.gateway.core.metrics.smpp.binding === 0)
  const recorded = pair.smsc.recorded[before]
  if (recorded === undefined) throw new Error('nobody came')
  return recorded
}

const bindEvents = async () => {
  const { core } = pair.gateway
  await core.binds.flush()
  return bindEventsOf(core.database, user.id)
}

const bindEventsOf = async (database: Database, ofUser: string) => {
  const events = await findEventsAfter(database, 0, 100_000)
  return events
    .filter(({ userId, action }) => userId === ofUser && action.startsWith('bind.'))
    .map(({ action, reason, target, after }) => {
      const { end } = (JSON.parse(after ?? '{}') ?? {}) as { readonly end?: string }
      return [action, target, reason, end]
    })
}

test('a bind that is given up keeps its place until its SMSC has let it go', async () => {
  const { peer, heard } = await leaveMeanwhile()
  const as = { username: user.username, password }
  const { answer } = await bind(pair.gateway.smppPort, as)
  expect(answer.status).toBe(statuses.ESME_RBINDFAIL)
  expect((await refusalsOf(pair.gateway, user.username)).at(-1)).toBe('bind-limit-reached')
  const [request] = cutPdus(Buffer.concat(heard)).pdus
  peer.send(bindAnswer(request ?? Buffer.alloc(0)))
  // It is unbound, and answers.
  await peer.ended
  await until(async () => (await bind(pair.gateway.smppPort, as)).answer.status === 0)
})

test('a bind that its SMSC never heard of gives its place back at once', async () => {
  const peer = await connectPeer(pair.gateway.smppPort)
  peer.send(bindPdu({ username: user.username, password }))
  peer.socket.destroy()
  await until(() => pair.gateway.core.metrics.smpp.unbound === 0)
  await until(() => !pair.gateway.core.live.has(user.id))
  await until(async () => {
    const { peer: next, answer } = await bind(pair.gateway.smppPort, {
      username: user.username,
      password,
    })
    if (answer.status === 0) await unbind(next)
    return answer.status === 0
  })
})

test('a bind that is given up stands in the audit, since its SMSC saw it', async () => {
  const { peer } = await leaveMeanwhile()
  peer.socket.destroy()
  await until(async () => (await bindEvents()).length > 0)
  expect(await bindEvents()).toEqual([
    ['bind.permitted', 'bind_transceiver', null, undefined],
    ['bind.ended', 'bind_transceiver', null, 'given-up'],
  ])
})

test('so does one that a change ended, with the reason', async () => {
  const before = pair.smsc.recorded.length
  const body = { systemType: 'silent\0' }
  const binding = bound(pair.gateway.smppPort, { username: user.username, password, body })
  binding.catch(() => undefined)
  await until(() => (pair.smsc.recorded[before]?.heard.length ?? 0) > 0)
  const limits = { bindLimit: null, bindTypes: ['receiver' as const], submitRate: null }
  await transact(pair.gateway.core.database, (tx) =>
    setSmppLimits(tx, { actor, userId: user.id, ...limits }),
  )
  await expect(binding).rejects.toThrow()
  pair.smsc.recorded[before]?.peer.socket.destroy()
  await until(async () => (await bindEvents()).length > 0)
  expect((await bindEvents()).at(-1)).toEqual([
    'bind.ended',
    'bind_transceiver',
    'permission-missing',
    'given-up',
  ])
})

test('a stop waits for what is given up, so that the audit knows of it', async () => {
  const dataDir = temporaryFolder()
  const other = await startSmppPair({ dataDir, answer: () => [] })
  const { core, smppPort } = other.gateway
  const { id } = (await core.directory.find('alice'))!.user
  const binding = bind(smppPort)
  await until(() => (other.smsc.recorded[0]?.heard.length ?? 0) > 0)
  await other.stop()
  expect((await binding).answer.status).not.toBe(0)
  const database = await openDatabase({ file: databaseFileOf(dataDir), ...createSystem() })
  const events = await bindEventsOf(database, id)
  await closeDatabase(database)
  expect(events.at(-1)).toEqual(['bind.ended', 'bind_transceiver', 'unavailable', 'given-up'])
})
