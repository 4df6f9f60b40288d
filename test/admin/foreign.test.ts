import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAccount } from '../../db/accounts.ts'
import { createApiKey } from '../../db/api-keys.ts'
import { createRole } from '../../db/custom-roles.ts'
import { transact } from '../../db/database.ts'
import { createInvite } from '../../db/invites.ts'
import { systemActor as actor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { createUser } from '../../db/users.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { made } from '../support/database.ts'

let server: TestAdmin
let foreign: Readonly<Record<string, string>>

beforeAll(async () => {
  server = await startAdmin()
  foreign = await transact(server.core.database, async (tx) => {
    const { id: accountId } = made(await createAccount(tx, { actor, name: 'other' }))
    const user = made(await createUser(tx, { actor, accountId, username: 'elsewhere' }))
    const held = compilePermissions(['*'])
    const role = { actor, accountId, held, name: 'Theirs', permissions: [] }
    const key = { actor, userId: user.id, name: 'Theirs', digest: digestToken('a key') }
    const by = { actor: { ...actor, userId: user.id }, accountId, held }
    const invite = { ...by, email: 'a@example.com', digest: digestToken('an invite') }
    return {
      user: user.id,
      role: made(await createRole(tx, role)).id,
      key: made(await createApiKey(tx, key)).id,
      invite: made(await createInvite(tx, invite)).id,
    }
  })
})
afterAll(() => server.stop())

const entries = { entries: [] }
const choice = { channel: 'email', mode: 'always' }

test.each([
  ['GET', '/users/{user}/safelist', undefined],
  ['PUT', '/users/{user}/safelist', entries],
  ['POST', '/users/{user}/safelist/preview', entries],
  ['GET', '/users/{user}/api-access', undefined],
  ['PUT', '/users/{user}/api-access', { http: true, smpp: true }],
  ['GET', '/users/{user}/two-factor', undefined],
  ['PUT', '/users/{user}/two-factor', choice],
  ['GET', '/users/{user}/devices', undefined],
  ['DELETE', '/users/{user}/devices/x', undefined],
  ['GET', '/users/{user}/authenticators', undefined],
  ['DELETE', '/users/{user}/authenticators/x', undefined],
  ['POST', '/users/{user}/password', { password: 'quite another pass phrase' }],
  ['POST', '/users/{user}/smpp-password', { password: null }],
  ['POST', '/users/{user}/deletion-request', undefined],
  ['GET', '/roles/{role}', undefined],
  ['PATCH', '/roles/{role}', { name: 'Ours' }],
  ['DELETE', '/roles/{role}', undefined],
  ['GET', '/api-keys/{key}', undefined],
  ['PATCH', '/api-keys/{key}', { enabled: false }],
  ['POST', '/api-keys/{key}/rotate', { overlapSeconds: 0 }],
  ['DELETE', '/api-keys/{key}', undefined],
  ['GET', '/invites/{invite}', undefined],
  ['POST', '/invites/{invite}/resend', undefined],
  ['POST', '/invites/{invite}/revoke', undefined],
] as const)('%s %s of another account is not found', async (method, path, body) => {
  const at = path.replace(/\{(\w+)\}/, (_, name: string) => foreign[name] ?? '')
  expect(await server.root(method, at, body && { body })).toMatchObject({
    status: 404,
    body: { type: 'urn:sallyport:not-found' },
  })
})

test('what is of another account stands in no list, and is given to nobody', async () => {
  const ids = Object.values(foreign)
  for (const path of [
    '/roles',
    '/api-keys',
    '/invites',
    `/api-keys?userId=${foreign['user'] ?? ''}`,
  ]) {
    const { body } = await server.root('GET', `${path}${path.includes('?') ? '&' : '?'}limit=200`)
    expect(body.items.filter(({ id }) => ids.includes(String(id)))).toEqual([])
  }
  const wanted = { email: 'b@example.com', roles: [foreign['role']] }
  expect((await server.root('POST', '/invites', { body: wanted })).status).toBe(422)
  const key = { name: 'key', userId: foreign['user'] }
  expect((await server.root('POST', '/api-keys', { body: key })).status).toBe(422)
})
