import { existsSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { expect, onTestFinished, test } from 'vitest'
import { createAdmin } from '../../admin/app.ts'
import { createApiKey } from '../../db/api-keys.ts'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { openSallyport } from '../../gateway/embed.ts'
import { made, temporaryFolder } from '../support/database.ts'
import { root } from '../support/source-files.ts'

/** Another program that has the admin API at a path of its choice, over a real listener. */
const serveWithin = async (base: string): Promise<string> => {
  const sallyport = await openSallyport({
    DATA_DIR: temporaryFolder(),
    LOG_LEVEL: 'silent',
    ADMIN_USERNAME: 'root',
    ADMIN_EMAIL: 'root@example.com',
    ADMIN_PASSWORD: 'ochre walrus kettle 7',
  })
  const { database } = sallyport.core
  const root = await findUserByName(database, 'root')
  const key = { actor, userId: root?.id ?? '', name: 'key', digest: digestToken('roots-key') }
  made(await transact(database, (tx) => createApiKey(tx, key)))
  const app = new Hono()
  app.get('/', (c) => c.text('a program of its own'))
  app.route(base, sallyport.admin())
  app.notFound((c) => c.text('nothing of theirs', 404))
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const opened = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => {
      resolve(opened)
    })
  })
  onTestFinished(async () => {
    server.close()
    await sallyport.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ask = async (url: string, method = 'GET', body?: object) => {
  const headers = { authorization: 'App roots-key', 'content-type': 'application/json' }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(url, { method, headers, ...sent })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test.each(['/', '/back-office'])('the admin API serves in a foreign app, at %s', async (base) => {
  const host = await serveWithin(base)
  const api = `${host}${base === '/' ? '' : base}/api/v1`
  expect(await ask(`${api}/me`)).toMatchObject({
    status: 200,
    body: { username: 'root', clientAddress: '127.0.0.1' },
  })
  const user = { username: 'embedded', email: 'embedded@example.com' }
  const created = await ask(`${api}/users`, 'POST', user)
  expect(created.status).toBe(201)
  expect((await ask(`${api}/users/${String(created.body['id'])}`)).body).toEqual(created.body)
  const attempt = { channel: 'http', username: 'embedded', credential: 'password', source: '::1' }
  expect((await ask(`${api}/decisions/explain`, 'POST', attempt)).body).toMatchObject({
    effect: 'refuse',
    reason: 'basic-not-allowed',
  })
  expect(await ask(`${api}/openapi.json`)).toMatchObject({
    body: { servers: [{ url: `${base === '/' ? '' : base}/api/v1` }] },
  })
  expect((await fetch(`${api}/../docs`)).headers.get('content-type')).toContain('text/html')
  expect((await fetch(`${api}/me`)).status).toBe(401)
  expect(await (await fetch(host)).text()).toBe('a program of its own')
  expect(await (await fetch(`${host}/nowhere`)).text()).toBe('nothing of theirs')
})

test('what the package exports is there to be built', async () => {
  const { exports: exported } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  }
  const sources = Object.values(exported).map((it) =>
    (typeof it === 'string' ? it : it.default)
      .replace('./dist/gateway/settings', 'gateway/settings')
      .replace('./dist/', '')
      .replace(/\.js$/, '.ts'),
  )
  expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([])
  expect(sources).toContain('admin/app.ts')
  const source = (await import(join(root, 'admin/app.ts'))) as { readonly createAdmin: unknown }
  expect(source.createAdmin).toBe(createAdmin)
})
