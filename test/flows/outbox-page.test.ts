import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { setProfile } from '../../db/user-profile.ts'
import { systemActor } from '../../db/record.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/smpp-pair.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.stop())

type Shown = { readonly status: number; readonly body: string; readonly policy: string | undefined }

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Shown> =>
  new Promise((resolve, reject) => {
    const url = new URL(path, gateway.adminUrl)
    request(url, { headers }, (incoming) => {
      let body = ''
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
      incoming.on('end', () => {
        const policy = incoming.headers['content-security-policy']
        resolve({ status: incoming.statusCode ?? 0, body, policy: policy?.toString() })
      })
    })
      .on('error', reject)
      .end()
  })

test('the sandbox shows the mails that it kept, escaped, and runs nothing', async () => {
  expect((await get('/outbox')).body).toContain('No mail has been sent yet.')
  const { database } = gateway.core
  const { id: userId } = (await findUserByName(database, 'alice')) ?? { id: '' }
  const profile = { firstName: '<script>alert(1)</script>', mobileNumber: '+41793026727' }
  await transact(database, (tx) => setProfile(tx, { actor: systemActor, userId, profile }))
  await until(async () => (await get('/outbox')).body.includes('alice@example.com'))
  const list = await get('/outbox')
  expect(list.policy).toContain("default-src 'none'")
  const [, at = ''] = /href="(\/outbox\/[0-9a-f-]{36})"/.exec(list.body) ?? []
  const mail = await get(at)
  expect(mail.status).toBe(200)
  expect(mail.policy).not.toContain('unsafe')
  expect(mail.body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(mail.body).not.toContain('<script')
})

test('a new user’s link can be followed from there', async () => {
  await gateway.addUser({ username: 'erin', email: 'erin@example.com' })
  await until(async () => (await get('/outbox')).body.includes('erin@example.com'))
  const { body } = await get('/outbox')
  const [, at = ''] = /erin@example\.com[\s\S]*?href="(\/outbox\/[0-9a-f-]{36})"/.exec(body) ?? []
  const link = new RegExp(`<a href="${gateway.adminUrl}/password/[\\w-]{43}"`)
  expect((await get(at)).body).toMatch(link)
})

describe('the outbox is not shown', () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['to a page whose name leads here', { host: 'evil.example' }],
    ['to a name that only begins like ours', { host: 'localhost.evil.example' }],
    ['through a proxy', { 'x-forwarded-for': '127.0.0.1' }],
    ['through a proxy of the newer kind', { forwarded: 'for=127.0.0.1' }],
  ]
  test.each(rows)('%s', async (_, headers) => {
    expect((await get('/outbox', headers)).status).toBe(404)
    expect((await get('/outbox/style.css', headers)).status).toBe(404)
  })

  test.each([
    '/outbox/x',
    '/outbox/..%2fsallyport.db',
    '/outbox/0192e4d2-8c3a-7000-8000-000000000000',
  ])('of what is no mail: %s', async (path) => {
    expect((await get(path)).status).toBe(404)
  })

  test('without the sandbox', async () => {
    const other = await startGateway({
      env: { HTTP_UPSTREAM: 'http://127.0.0.1:9', SMPP_UPSTREAM: 'smpp://127.0.0.1:9' },
    })
    expect((await fetch(`${other.adminUrl}/outbox`)).status).toBe(404)
    await other.stop()
  })
})
