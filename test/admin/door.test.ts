import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findRefusal } from '../../db/refusals.ts'
import { startAdmin, type Answer, type TestAdmin } from '../support/admin.ts'

let server: TestAdmin

beforeAll(async () => {
  server = await startAdmin()
})
afterAll(() => server.stop())

/** The row of the audit that the id of an answer leads to. */
const auditOf = async ({ headers, body }: Answer) => {
  await server.core.refusals.flush()
  const id = headers.get('x-sallyport-decision') ?? ''
  expect(body.instance).toBe(`urn:uuid:${id}`)
  return (await findRefusal(server.core.database, id))?.event
}

describe('a page of another site changes nothing, though the browser repeats credentials (H8)', () => {
  const own = () => new URL(server.adminUrl)
  const refused: readonly (readonly [string, () => Record<string, string>])[] = [
    ['another site', () => ({ 'sec-fetch-site': 'cross-site' })],
    ['a neighbour', () => ({ 'sec-fetch-site': 'same-site', origin: own().origin })],
    ['another origin', () => ({ origin: 'https://evil.example' })],
    ['another port', () => ({ origin: `http://${own().hostname}:1` })],
    ['no origin that it would name', () => ({ origin: 'null' })],
    ['a form', () => ({ origin: 'https://evil.example', 'content-type': 'text/plain' })],
  ]
  test.each(refused)('%s is refused, and audited', async (_, headers) => {
    const body = { firstName: 'evil' }
    const answer = await server.root('PATCH', '/me', { body, headers: headers() })
    expect(answer).toMatchObject({ status: 403, body: { type: 'urn:sallyport:cross-site' } })
    expect(await auditOf(answer)).toMatchObject({ reason: 'cross-site', userId: server.rootId })
    expect((await server.root('GET', '/me')).body['firstName']).toBe('')
  })

  test.each([
    ['our own page', () => ({ 'sec-fetch-site': 'same-origin', origin: own().origin })],
    ['our own page in an old browser', () => ({ origin: own().origin })],
    ['a person', () => ({ 'sec-fetch-site': 'none' })],
    ['a program', () => ({})],
  ])('%s may', async (_, headers) => {
    const asked = { body: {}, headers: headers() as Record<string, string> }
    expect((await server.root('PATCH', '/me', asked)).status).toBe(200)
  })

  test('whose credentials are wrong is told nothing else', async () => {
    const stranger = server.clientOf('Basic eDp5')
    const headers = { origin: 'https://evil.example' }
    expect((await stranger('PATCH', '/me', { body: {}, headers })).status).toBe(401)
  })
})

test('what reaches beyond one’s own rights is audited as a refusal, under its own id', async () => {
  const { id, call } = await server.addClient({ username: 'manager', roles: ['user-manager'] })
  const path = `/users/${server.rootId}/disable`
  const answer = await call('POST', path)
  expect(answer).toMatchObject({ status: 403, body: { type: 'urn:sallyport:beyond-own-rights' } })
  expect(await auditOf(answer)).toMatchObject({
    ...{ reason: 'beyond-own-rights', userId: id, source: '127.0.0.1', channel: 'http' },
    target: `POST /api/v1${path}`,
  })
  const of = await server.root(
    'GET',
    `/decisions/${answer.headers.get('x-sallyport-decision') ?? ''}`,
  )
  expect(of.body['decision']).toMatchObject({ reason: 'beyond-own-rights' })
})

test('another’s own affairs are refused and audited as a missing permission', async () => {
  const { id, call } = await server.addClient({ username: 'plain', roles: ['api-user'] })
  const answer = await call('GET', `/users/${server.rootId}/sources`)
  expect(answer.status).toBe(403)
  expect(await auditOf(answer)).toMatchObject({ reason: 'permission-missing', userId: id })
})
