import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findEventsAfter } from '../../db/events.ts'
import { startLiveAdmin, type LiveAdmin } from '../support/admin-live.ts'
import type { Answer, Client } from '../support/admin.ts'
import { basic } from '../support/gateway.ts'
import { until } from '../support/smpp-pair.ts'

let server: LiveAdmin
let manager: Client
let users = 0

const first = 'first-secret-of-one'
const second = 'quite another pass phrase'
const forSmpp = 'zq7#kfw9'
const pathsOf = ({ body }: Answer) => body.errors.map(({ path }) => path)
const beyond = { status: 403, body: { type: 'urn:sallyport:beyond-own-rights' } }
const wrong = (answer: Answer) => {
  expect({ status: answer.status, paths: pathsOf(answer) }).toEqual({
    status: 422,
    paths: ['currentPassword'],
  })
}

beforeAll(async () => {
  server = await startLiveAdmin()
  const made = await server.addClient({ username: 'manager', roles: ['user-manager'] })
  manager = made.call
})
afterAll(() => server.stop())

const addUser = async (roles: readonly string[] = ['api-user']) => {
  const username = `user-${++users}`
  const { id, call } = await server.addClient({ username, roles, password: first })
  const signsIn = async (password: string): Promise<boolean> =>
    (await server.clientOf(basic(username, password))('GET', '/me')).status === 200
  const binds = (password: string): Promise<boolean> =>
    server.bind(username, password).then(
      (item) => {
        item.close()
        return true
      },
      () => false,
    )
  return { username, id, call, signsIn, binds, path: `/users/${id}/password` }
}

describe('a password', () => {
  test('is set for another, and what was let in by the one before ends', async () => {
    const { id, username, path, signsIn } = await addUser()
    const download = await server.download(basic(username, first))
    const bind = await server.bind(username, first)
    expect(await manager('POST', path, { body: { password: second } })).toMatchObject({
      status: 200,
      body: { id, username },
    })
    await Promise.all([download.ended, bind.ended])
    expect([await signsIn(first), await signsIn(second)]).toEqual([false, true])
    const changes = (await server.audit(10)).filter(({ userId }) => userId === id)
    const audited = changes.find(({ action }) => action === 'user.password-changed')
    expect(audited).toMatchObject({ userId: id })
    expect(JSON.stringify(audited)).not.toMatch(/argon|pass phrase/)
  })

  test('of one’s own is changed by the current one', async () => {
    const { path, call, signsIn } = await addUser()
    wrong(await call('POST', path, { body: { password: second } }))
    wrong(await call('POST', path, { body: { password: second, currentPassword: 'x' } }))
    const body = { password: second, currentPassword: first }
    expect((await call('POST', path, { body })).status).toBe(200)
    expect([await signsIn(first), await signsIn(second)]).toEqual([false, true])
  })

  test('follows the rules of the account, and is not what is known of its user', async () => {
    const { path, username } = await addUser()
    const set = (password: string) => manager('POST', path, { body: { password } })
    for (const password of ['short', 'password1234', `${username}${username}`, 'x'.repeat(257)])
      expect(pathsOf(await set(password)), password).toEqual(['password'])
    const rules = { passwords: { minLength: 30 } }
    expect((await server.root('PATCH', '/account', { body: rules })).status).toBe(200)
    expect(pathsOf(await set(second))).toEqual(['password'])
    await server.root('PATCH', '/account', { body: { passwords: { minLength: 12 } } })
    expect((await set(second)).status).toBe(200)
  })

  test.each([
    [{ password: ['a', 'b'] }, ['password']],
    [{}, ['password']],
    [{ password: second, hash: 'x' }, ['hash']],
    [{ password: second, currentPassword: first }, ['currentPassword']],
  ])('asked for by %j is refused', async (body, paths) => {
    const { path, signsIn } = await addUser()
    const refused = await manager('POST', path, { body })
    expect({ status: refused.status, paths: pathsOf(refused) }).toEqual({ status: 422, paths })
    expect(await signsIn(first)).toBe(true)
  })

  test('of an admin is reset by nobody who holds less (H1)', async () => {
    const { path, signsIn } = await addUser(['account-admin'])
    for (const at of [path, path.replace('password', 'smpp-password')])
      expect(await manager('POST', at, { body: { password: second } })).toMatchObject(beyond)
    expect(await signsIn(first)).toBe(true)
    const { call } = await addUser()
    expect((await call('POST', path, { body: { password: second } })).status).toBe(403)
  })

  test('of another version is left as it is (H8)', async () => {
    const { path } = await addUser()
    const headers = { 'if-match': '"999"' }
    for (const at of [path, path.replace('password', 'smpp-password')])
      expect((await manager('POST', at, { headers, body: { password: second } })).status).toBe(412)
  })
})

describe('guesses at the current password', () => {
  test('count as those at the door do, and lock there too (B6)', async () => {
    const { id, path, call, username } = await addUser()
    expect((await call('GET', '/me')).status).toBe(200)
    for (let i = 0; i < 3; i++) {
      const body = { password: second, currentPassword: `guess-${i}` }
      wrong(await call('POST', path, { body }))
    }
    for (let i = 3; i < 5; i++) await server.clientOf(basic(username, `guess-${i}`))('GET', '/me')
    expect((await server.root('GET', `/users/${id}`)).body).toMatchObject({
      status: 'locked',
      lock: { buckets: [{ failures: 5 }] },
    })
    const body = { password: second, currentPassword: first }
    expect((await call('POST', path, { body })).status).toBe(401)
  })

  test('stand in the audit with their reason', async () => {
    const { id, path, call } = await addUser()
    await call('POST', path, { body: { password: second, currentPassword: 'a guess' } })
    await server.core.refusals.flush()
    const events = await findEventsAfter(server.core.database, 0, 10_000)
    const refused = events.filter(
      ({ userId, action }) => userId === id && action === 'decision.refused',
    )
    expect(refused).toMatchObject([
      { channel: 'web', reason: 'secret-wrong', target: `POST /api/v1${path}` },
    ])
  })
})

describe('a password for binds', () => {
  test('binds in place of the ordinary one, at once or after an overlap', async () => {
    const { id, username, path, binds, signsIn } = await addUser()
    const at = path.replace('password', 'smpp-password')
    const bind = await server.bind(username, first)
    const overlapping = { password: forSmpp, overlapSeconds: 3600 }
    expect((await manager('POST', at, { body: overlapping })).status).toBe(200)
    expect([await binds(first), await binds(forSmpp)]).toEqual([true, true])
    await until(() => server.core.live.of(id).length === 1)
    expect((await manager('POST', at, { body: { password: 'k3!vvq0x' } })).status).toBe(200)
    await bind.ended
    expect([await binds(first), await binds(forSmpp), await binds('k3!vvq0x')]).toEqual([
      false,
      false,
      true,
    ])
    expect(await signsIn(first)).toBe(true)
    expect((await manager('POST', at, { body: { password: null } })).status).toBe(200)
    expect([await binds(first), await binds('k3!vvq0x')]).toEqual([true, false])
  })

  test('takes what SMPP takes, and of one’s own the current one', async () => {
    const { path, call } = await addUser()
    const at = path.replace('password', 'smpp-password')
    for (const password of ['short', 'pässword', 'password', 'x'.repeat(65)])
      expect(pathsOf(await manager('POST', at, { body: { password } })), password).toEqual([
        'password',
      ])
    const tooLong = { password: forSmpp, overlapSeconds: 90 * 86_400 + 1 }
    expect(pathsOf(await manager('POST', at, { body: tooLong }))).toEqual(['overlapSeconds'])
    wrong(await call('POST', at, { body: { password: forSmpp } }))
    const body = { password: forSmpp, currentPassword: first }
    expect((await call('POST', at, { body })).status).toBe(200)
  })
})

describe('a request for deletion (U3)', () => {
  test('marks the user, who goes on, and can be taken back', async () => {
    const { id, call } = await addUser()
    const path = `/users/${id}/deletion-request`
    const asked = await call('POST', path)
    expect(asked).toMatchObject({
      status: 200,
      body: { status: 'active', deletionRequestedAt: expect.stringMatching(/Z$/) as string },
    })
    expect(await server.audit(1)).toMatchObject([
      { action: 'user.deletion-requested', actorId: id, userId: id },
    ])
    const again = await manager('POST', path)
    expect(again.body['deletionRequestedAt']).toBe(asked.body['deletionRequestedAt'])
    expect((await manager('DELETE', path)).body['deletionRequestedAt']).toBeNull()
  })

  test('is for oneself, and for who manages users and holds no less', async () => {
    const { call } = await addUser()
    const { id } = await addUser(['account-admin'])
    const path = `/users/${id}/deletion-request`
    expect(await manager('POST', path)).toMatchObject(beyond)
    expect((await call('POST', path)).status).toBe(403)
    const headers = { 'if-match': '"999"' }
    expect((await server.root('POST', path, { headers })).status).toBe(412)
    const nobody = '/users/01920000-0000-7000-8000-000000000000/deletion-request'
    expect((await server.root('POST', nobody)).status).toBe(404)
  })
})
