import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeDatabase, openDatabase, transact, type Database } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setUserEnabled } from '../../db/users.ts'
import { databaseFileOf } from '../../gateway/data-folder.ts'
import { createSystem } from '../../gateway/system.ts'
import { commands } from '../../gateway/smpp/constants.ts'
import { temporaryFolder } from '../support/database.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { bind, bound, startSmppPair, unbind, until, type SmppPair } from '../support/smpp-pair.ts'

const password = 'a-long-secret-1'
let pair: SmppPair
let users = 0

beforeAll(async () => {
  pair = await startSmppPair()
})
afterAll(() => pair.stop())

const addUser = (): Promise<UserRow> =>
  pair.gateway.addUser({ username: `user-${++users}`, password })
const binds = ({ username }: UserRow): Promise<RawPeer> =>
  bound(pair.gateway.smppPort, { username, password })
const bindEventsOf = async (database: Database, userId: string) =>
  (await findEventsAfter(database, 0, 100_000))
    .filter((event) => event.userId === userId && event.action.startsWith('bind.'))
    .map((event) => ({ ...event, after: JSON.parse(event.after ?? 'null') as unknown }))
const eventsOf = async ({ id }: UserRow) => {
  await pair.gateway.core.binds.flush()
  return bindEventsOf(pair.gateway.core.database, id)
}

test('U16 a permitted bind stands in the audit with its decision, and its end with what passed', async () => {
  const user = await addUser()
  const peer = await binds(user)
  for (const sequence of [2, 3, 4]) {
    peer.send(pdu(commands.submit_sm, sequence, 'text'))
    expect(readPdu(await peer.next()).sequence).toBe(sequence)
  }
  await unbind(peer)
  await until(() => !pair.gateway.core.live.has(user.id))
  const [permitted, ended, ...others] = await eventsOf(user)
  expect(others).toEqual([])
  expect(permitted).toMatchObject({
    action: 'bind.permitted',
    channel: 'smpp',
    username: user.username,
    source: '127.0.0.1',
    target: 'bind_transceiver',
    count: 1,
  })
  expect(permitted?.decisionId).toMatch(/^[0-9a-f-]{36}$/)
  // Three messages and the unbind, each with its response.
  expect(ended).toMatchObject({
    action: 'bind.ended',
    reason: null,
    after: {
      decisionId: permitted?.decisionId,
      end: 'client-unbound',
      fromClient: 4,
      fromUpstream: 4,
    },
  })
})

test('U16 the end of a bind that a change ended tells why', async () => {
  const user = await addUser()
  const peer = await binds(user)
  await transact(pair.gateway.core.database, (tx) =>
    setUserEnabled(tx, { actor, userId: user.id, enabled: false }),
  )
  await peer.ended
  await until(() => !pair.gateway.core.live.has(user.id))
  expect((await eventsOf(user)).at(-1)).toMatchObject({
    action: 'bind.ended',
    reason: 'user-disabled',
    after: { end: 'ended', fromClient: 0, fromUpstream: 0 },
  })
})

test('a refused bind is no permitted one', async () => {
  const user = await addUser()
  const { peer } = await bind(pair.gateway.smppPort, { username: user.username, password: 'wrong' })
  await peer.ended
  expect(await eventsOf(user)).toEqual([])
})

test('J14 the sum of counts is the number of binds permitted, in a handful of rows, also after a stop', async () => {
  const dataDir = temporaryFolder()
  const other = await startSmppPair({ dataDir })
  const { smppPort, core } = other.gateway
  const { id } = (await core.directory.find('alice'))!.user
  const cycle = async (): Promise<void> => {
    await unbind(await bound(smppPort))
  }
  for (let at = 0; at < 50; at++) await Promise.all([cycle(), cycle(), cycle()])
  const last = await bound(smppPort)
  const stopped = other.stop()
  await last.ended
  await stopped
  const database = await openDatabase({ file: databaseFileOf(dataDir), ...createSystem() })
  const events = await bindEventsOf(database, id)
  await closeDatabase(database)
  const counts = { 'bind.permitted': 0, 'bind.ended': 0 }
  for (const { action, count } of events) counts[action as keyof typeof counts] += count
  expect(counts).toEqual({ 'bind.permitted': 151, 'bind.ended': 151 })
  // Two rows of each kind and minute: the test may meet the turn of one, and the last end differs.
  expect(events.length).toBeLessThanOrEqual(10)
})
