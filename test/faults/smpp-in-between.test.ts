import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setUserEnabled } from '../../db/users.ts'
import { statuses } from '../../gateway/smpp/constants.ts'
import { pdu } from '../support/pdu.ts'
import { answerAll } from '../support/recording-smsc.ts'
import { bind, refusalsOf, startSmppPair, until, type SmppPair } from '../support/smpp-pair.ts'
import { sqliteOf } from '../support/database.ts'

const password = 'a-long-secret-1'
let pair: SmppPair
let user: UserRow
let users = 0

beforeAll(async () => {
  pair = await startSmppPair({
    answer: (request, from) => (request.includes('silent') ? [] : answerAll(request, from)),
  })
})
afterAll(() => pair.stop())
beforeEach(async () => {
  user = await pair.gateway.addUser({ username: `user-${++users}`, password })
})

const disable = async (): Promise<void> => {
  const change = { actor, userId: user.id, enabled: false }
  await transact(pair.gateway.core.database, (tx) => setUserEnabled(tx, change))
}

/** Holds the next verification up: `began` resolves when it is asked for. */
const holdVerification = ({ gateway }: SmppPair) => {
  const { hashing } = gateway.core
  const { verify } = hashing
  const [began, goOn] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
  Object.assign(hashing, {
    verify: async (phc: string, secret: Uint8Array) => {
      began.resolve(undefined)
      await goOn.promise
      return verify(phc, secret)
    },
  })
  return {
    began: began.promise,
    letGo: () => {
      Object.assign(hashing, { verify })
      goOn.resolve(undefined)
    },
  }
}

describe('J12 a change between the password and the answer refuses', () => {
  const refused = (sequence: number): Buffer =>
    pdu(0x80000009, sequence, '', { status: statuses.ESME_RBINDFAIL })

  test('while the password is being verified', async () => {
    const held = holdVerification(pair)
    const before = pair.smsc.recorded.length
    const answer = bind(pair.gateway.smppPort, { username: user.username, password, sequence: 4 })
    await held.began
    await disable()
    held.letGo()
    expect((await answer).octets).toEqual(refused(4))
    expect(pair.smsc.recorded).toHaveLength(before)
    expect((await refusalsOf(pair.gateway)).at(-1)).toBe('user-disabled')
  })

  test('in the very moment between the decision and the bind’s becoming live', async () => {
    const { core } = pair.gateway
    const { record } = core.recorder
    const { writer } = sqliteOf(core.database).connections
    // Written past the gateway, and told in the moment in which the decision is recorded.
    Object.assign(core.recorder, {
      record: (...args: Parameters<typeof record>) => {
        const id = record(...args)
        writer.prepare('update users set enabled = 0 where id = ?').run(user.id)
        const { lastInsertRowid } = writer
          .prepare(
            "insert into changes (at, account_id, user_id, kind) values (0, ?, ?, 'enabled')",
          )
          .run(user.accountId, user.id)
        const change = { seq: Number(lastInsertRowid), at: 0, kind: 'enabled' as const }
        core.directory.drop({ ...change, accountId: user.accountId, userId: user.id })
        return id
      },
    })
    const before = pair.smsc.recorded.length
    const { octets } = await bind(pair.gateway.smppPort, { username: user.username, password })
    Object.assign(core.recorder, { record })
    expect(octets).toEqual(refused(1))
    expect(pair.smsc.recorded).toHaveLength(before)
  })

  test('while the SMSC has not answered', async () => {
    const before = pair.smsc.recorded.length
    const body = { systemType: 'silent\0' }
    const binding = bind(pair.gateway.smppPort, { username: user.username, password, body })
    await until(() => (pair.smsc.recorded[before]?.heard.length ?? 0) > 0)
    await disable()
    const { octets, peer } = await binding
    expect(octets).toEqual(refused(1))
    await peer.ended
    await until(() => pair.smsc.recorded[before]?.peer.socket.destroyed === true)
    expect((await refusalsOf(pair.gateway)).at(-1)).toBe('user-disabled')
  })
})

test('a fault of ours behind the decision refuses, is told in the audit, and holds nothing', async () => {
  const { directory, live } = pair.gateway.core
  const { findById } = directory
  await directory.find(user.username)
  Object.assign(directory, { findById: () => Promise.reject(new Error('broken')) })
  const { octets, peer } = await bind(pair.gateway.smppPort, { username: user.username, password })
  Object.assign(directory, { findById })
  expect(octets).toEqual(pdu(0x80000009, 1, '', { status: statuses.ESME_RSYSERR }))
  await peer.ended
  expect((await refusalsOf(pair.gateway)).at(-1)).toBe('unavailable')
  expect(live.has(user.id)).toBe(false)
})

test('a gateway that stops refuses a bind whose password is being verified', async () => {
  const other = await startSmppPair()
  const held = holdVerification(other)
  const binding = bind(other.gateway.smppPort)
  await held.began
  const stopped = other.stop()
  held.letGo()
  const { octets, peer } = await binding
  expect(octets).toEqual(pdu(0x80000009, 1, '', { status: statuses.ESME_RSYSERR }))
  await peer.ended
  await stopped
  expect(other.smsc.recorded).toHaveLength(0)
})
