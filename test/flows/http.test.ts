import { afterAll, beforeAll, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { findRefusal } from '../../db/refusals.ts'
import { setUserEnabled } from '../../db/users.ts'
import { basic, startGateway, type TestGateway } from '../support/gateway.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway

beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({
    env: { HTTP_UPSTREAM: upstream.url },
    users: [
      { username: 'alice', password: 'alice-secret-1' },
      { username: 'bob', password: 'bob-secret-01', safelist: [{ range: '203.0.113.0/24' }] },
      { username: 'carol', password: 'carol-secret-1', apiAccess: { http: false, smpp: true } },
      { username: 'dave', password: 'dave-secret-1', enabled: false },
    ],
  })
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

const call = (username: string, password: string, path = '/sms/3/messages'): Promise<Response> =>
  fetch(gateway.url + path, {
    method: 'POST',
    headers: { authorization: basic(username, password) },
    body: '{"text":"hello"}',
  })

const reasonOf = async (response: Response): Promise<string | null | undefined> => {
  await gateway.core.refusals.flush()
  const id = response.headers.get('x-sallyport-decision') ?? ''
  return (await findRefusal(gateway.core.database, id))?.event.reason
}

test('a permitted call reaches the upstream with who it is, and its answer comes back', async () => {
  const response = await call('alice', 'alice-secret-1', '/sms/3/messages?a=%20b')
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ ok: true })
  const seen = upstream.seen.at(-1)
  expect(seen?.url).toBe('/sms/3/messages?a=%20b')
  expect(seen?.body).toBe('{"text":"hello"}')
  expect(seen?.fields['x-sallyport-user']).toBe('alice')
  expect(seen?.fields['x-sallyport-decision']).toBe(response.headers.get('x-sallyport-decision'))
  expect(seen?.fields['x-forwarded-for']).toBe('127.0.0.1')
  expect(seen?.fields['authorization']).toBeUndefined()
})

test.each([
  ['bob', 'bob-secret-01', 'source-not-safelisted'],
  ['carol', 'carol-secret-1', 'basic-not-allowed'],
  ['dave', 'dave-secret-1', 'user-disabled'],
  ['alice', 'wrong-secret', 'secret-wrong'],
  ['nobody', 'whatever', 'user-unknown'],
])('%s with %s is refused alike, and the audit says %s', async (username, password, reason) => {
  const before = upstream.seen.length
  const response = await call(username, password)
  const id = response.headers.get('x-sallyport-decision') ?? ''
  expect(response.status).toBe(401)
  expect((await response.text()).replace(id, 'ID')).toBe(
    '{"type":"urn:sallyport:unauthorized","title":"Invalid login details","status":401,"instance":"urn:uuid:ID","requestError":{"serviceException":{"messageId":"UNAUTHORIZED","text":"Invalid login details"}}}',
  )
  expect(await reasonOf(response)).toBe(reason)
  expect(upstream.seen.length).toBe(before)
})

test('a user disabled by an admin is refused at once, also with a cached credential', async () => {
  const user = await gateway.addUser({ username: 'erin', password: 'erin-secret-01' })
  expect((await call('erin', 'erin-secret-01')).status).toBe(200)
  const change = { actor: systemActor, userId: user.id, enabled: false }
  await transact(gateway.core.database, (tx) => setUserEnabled(tx, change))
  const response = await call('erin', 'erin-secret-01')
  expect(response.status).toBe(401)
  expect(await reasonOf(response)).toBe('user-disabled')
})

test('five distinct wrong passwords lock, fifty times the same one does not', async () => {
  await gateway.addUser({ username: 'frank', password: 'frank-secret-1' })
  for (let i = 0; i < 50; i++) expect((await call('frank', 'the same')).status).toBe(401)
  expect((await call('frank', 'frank-secret-1')).status).toBe(200)
  for (let i = 0; i < 5; i++) expect((await call('frank', `wrong ${i}`)).status).toBe(401)
  const locked = await call('frank', 'frank-secret-1')
  expect(locked.status).toBe(401)
  expect(await reasonOf(locked)).toBe('user-locked')
})
