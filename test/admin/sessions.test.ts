import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { createSession } from '../../db/sessions.ts'
import { createUser } from '../../db/users.ts'
import { startLiveAdmin, type LiveAdmin } from '../support/admin-live.ts'
import type { AnswerBody } from '../support/admin.ts'
import { made } from '../support/database.ts'
import { basic, startGateway } from '../support/gateway.ts'
import { startRecordingSmsc } from '../support/recording-smsc.ts'
import { bound, shortEnds, until } from '../support/smpp-pair.ts'

let server: LiveAdmin
let alice: string
let tokens = 0

const secret = 'alice-secret-1'

const addToken = async (userId: string): Promise<string> => {
  const digest = digestToken(`token ${++tokens}`)
  const session = { actor: systemActor, userId, kind: 'token' as const, digest, lifeMs: 3_600_000 }
  const row = made(await transact(server.core.database, (tx) => createSession(tx, session)))
  return row.id
}

type Shown = Readonly<AnswerBody['items'][number]>

const shown = async (path = `/users/${alice}/sessions`): Promise<readonly Shown[]> =>
  (await server.root('GET', path)).body.items

beforeAll(async () => {
  server = await startLiveAdmin()
  alice = (await server.addClient({ username: 'alice', password: secret })).id
})
afterAll(() => server.stop())

describe('what is open is listed and ended (U17)', () => {
  test('a session token', async () => {
    const id = await addToken(alice)
    expect(await shown()).toMatchObject([{ id, kind: 'token', username: 'alice', userId: alice }])
    expect(JSON.stringify(await shown())).not.toContain(digestToken(`token ${tokens}`))
    expect((await server.root('DELETE', `/sessions/${id}`)).status).toBe(204)
    expect(await shown()).toEqual([])
    const [event] = await server.audit(1)
    expect(event).toMatchObject({
      ...{ action: 'session.ended', actorId: server.rootId, userId: alice },
      ...{ before: { id, kind: 'token' }, after: { reason: 'ended-by-admin' } },
    })
    expect((await server.root('DELETE', `/sessions/${id}`)).status).toBe(404)
  })

  test('a bind, by its user too', async () => {
    const bind = await server.bind('alice', secret)
    const [open] = await shown('/sessions')
    expect(open).toMatchObject({
      ...{ kind: 'bind', username: 'alice', source: '127.0.0.1', target: 'bind_transceiver' },
      node: expect.any(String) as string,
    })
    const call = server.clientOf(basic('alice', secret))
    const path = `/users/${alice}/sessions`
    expect((await call('GET', path)).body.items).toMatchObject([{ id: open?.['id'] }])
    expect((await call('DELETE', `${path}/${String(open?.['id'])}`)).status).toBe(204)
    await bind.ended
    expect(await shown()).toEqual([])
  })

  test('a stream that lasts', async () => {
    const download = await server.download(basic('alice', secret))
    await until(async () => (await shown()).length === 1)
    const [open] = await shown()
    expect(open).toMatchObject({ kind: 'http', target: 'GET /' })
    expect((await server.root('DELETE', `/sessions/${String(open?.['id'])}`)).status).toBe(204)
    await download.ended
    expect(await shown()).toEqual([])
  })

  test('page by page, both kinds in the order of time', async () => {
    const ids = [await addToken(alice), await addToken(alice)]
    const bind = await server.bind('alice', secret)
    ids.push(await addToken(alice))
    const path = `/users/${alice}/sessions`
    const first = await server.root('GET', `${path}?limit=3&count=true`)
    expect(first.body.total).toBe(4)
    expect(first.body.items.map(({ kind }) => kind)).toEqual(['token', 'token', 'bind'])
    const second = await server.root('GET', `${path}?after=${first.body.next ?? ''}`)
    expect(second.body.items.map(({ id }) => id)).toEqual([ids[2]])
    expect(second.body.next).toBeNull()
    bind.close()
    for (const id of ids) expect((await server.root('DELETE', `${path}/${id}`)).status).toBe(204)
  })
})

test('a bind at another node is listed, and ended there within a second (J12)', async () => {
  const smsc = await startRecordingSmsc()
  const other = await startGateway({
    dataDir: server.dataDir,
    env: { HTTP_UPSTREAM: 'http://127.0.0.1:9', SMPP_UPSTREAM: `smpp://127.0.0.1:${smsc.port}` },
    file: { nodeName: 'the other', smppLimits: { end: shortEnds }, limits: { floorMs: 0 } },
  })
  onTestFinished(async () => {
    await other.stop()
    smsc.close()
  })
  const [here, there] = [
    await server.bind('alice', secret),
    await bound(other.smppPort, { username: 'alice', password: secret }),
  ]
  const gone = new Promise((resolve) => there.socket.once('close', resolve))
  await until(async () => (await shown()).length === 2)
  const body = { entries: [{ range: '203.0.113.0/24' }] }
  const preview = await server.root('POST', `/users/${alice}/safelist/preview`, { body })
  expect(preview.body['live']).toMatchObject([{ kind: 'bind' }, { kind: 'bind' }])
  const at = (await shown()).find(({ node }) => node === 'the other')
  expect((await server.root('DELETE', `/sessions/${String(at?.['id'])}`)).status).toBe(204)
  await gone
  expect(await shown()).toMatchObject([{ kind: 'bind' }])
  here.close()
})

describe('nobody ends what they may not', () => {
  test('without the permission, nor learns whose it is', async () => {
    const id = await addToken(alice)
    const { id: bob, call } = await server.addClient({ username: 'bob', roles: ['auditor'] })
    expect((await call('GET', '/sessions')).status).toBe(403)
    for (const [method, path] of [
      ['GET', `/users/${alice}/sessions`],
      ['GET', '/users/nobody/sessions'],
      ['DELETE', `/users/${alice}/sessions/${id}`],
      ['DELETE', `/users/nobody/sessions/${id}`],
      ['DELETE', `/sessions/${id}`],
    ] as const)
      expect((await call(method, path)).status, path).toBe(403)
    expect((await call('DELETE', `/users/${bob}/sessions/${id}`)).status).toBe(404)
    expect(await shown()).toMatchObject([{ id }])
  })

  test('of somebody who may do more', async () => {
    const id = await addToken(server.rootId)
    const body = { name: 'Sessions only', permissions: ['sessions/manage'] }
    const role = (await server.root('POST', '/roles', { body })).body.id
    const { call } = await server.addClient({ username: 'ender', roles: [role] })
    expect(await call('DELETE', `/sessions/${id}`)).toMatchObject({
      status: 403,
      body: { type: 'urn:sallyport:beyond-own-rights' },
    })
    const own = await addToken(alice)
    expect((await call('DELETE', `/sessions/${own}`)).status).toBe(204)
  })

  test('of another account', async () => {
    const { database } = server.core
    const user = await transact(database, async (tx) => {
      const account = made(await createAccount(tx, { actor: systemActor, name: 'other' }))
      const { id: accountId } = account
      return made(await createUser(tx, { actor: systemActor, accountId, username: 'elsewhere' }))
    })
    const id = await addToken(user.id)
    expect((await server.root('DELETE', `/sessions/${id}`)).status).toBe(404)
    expect((await server.root('GET', `/users/${user.id}/sessions`)).status).toBe(404)
    const ids = (await shown('/sessions')).map((item) => item['id'])
    expect(ids).not.toContain(id)
  })
})
