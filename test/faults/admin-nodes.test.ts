import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { basic, type TestGateway } from '../support/gateway.ts'
import { startNodes, type Nodes } from '../support/nodes.ts'
import { withoutRedis } from '../support/redis.ts'
import { until } from '../support/smpp-pair.ts'

/** What has to reach all nodes at once, and what may not wait. */
const changes = [
  ['POST', '/roles', { name: 'Any', permissions: ['sms/send'] }],
  ['PUT', '/users/{id}/roles/auditor', undefined],
  ['DELETE', '/users/{id}/roles/auditor', undefined],
  ['PUT', '/users/{id}/safelist', { entries: [] }],
  ['PUT', '/users/{id}/two-factor', { channel: 'email', mode: 'always' }],
  ['DELETE', '/users/{id}/devices/none', undefined],
] as const

describe.skipIf(withoutRedis)('while several nodes have lost Redis', () => {
  let nodes: Nodes
  let bob: string
  beforeAll(async () => {
    nodes = await startNodes(2, {
      users: [
        { username: 'root', password: 'root-secret-1', roles: ['account-admin'] },
        { username: 'bob' },
      ],
    })
    await until(() => nodes.gateways.every(({ core }) => core.liveNodes() === 2))
    bob = (await nodes.at(0).core.directory.find('bob'))?.user.id ?? ''
  }, 60_000)
  afterAll(() => nodes.stop())

  const call = async (at: TestGateway, method: string, path: string, body?: object) =>
    fetch(`${at.adminUrl}/api/v1${path.replace('{id}', bob)}`, {
      method,
      headers: {
        authorization: basic('root', 'root-secret-1'),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })

  test('roles, safelists and second factors stay as they are; the rest goes on', async () => {
    await nodes.loseRedis()
    for (const [method, path, body] of changes) {
      const answer = await call(nodes.at(0), method, path, body)
      expect([answer.status, Number(answer.headers.get('retry-after')) > 0], path).toEqual([
        ...[503, true],
      ])
    }
    expect((await call(nodes.at(0), 'GET', '/users/{id}/safelist')).status).toBe(200)
    expect((await call(nodes.at(0), 'POST', '/users/{id}/disable')).status).toBe(200)
    await nodes.regainRedis()
    for (const [method, path, body] of changes)
      expect((await call(nodes.at(1), method, path, body)).status, path).not.toBe(503)
  })
})
