import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transact } from '../../../db/database.ts'
import { findFirstAccount } from '../../../db/accounts.ts'
import { systemActor } from '../../../db/record.ts'
import { createUser } from '../../../db/users.ts'
import { openSallyport, type Embedded } from '../../../gateway/embed.ts'
import type { Sallyport } from '../../../gateway/http/middleware.ts'
import { basic } from '../../support/gateway.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-'))
let sallyport: Embedded
let server: Server
let url: string

beforeAll(async () => {
  sallyport = await openSallyport({ DATA_DIR: dataDir, LOG_LEVEL: 'silent' })
  const { database, hashing } = sallyport.core
  const account = await findFirstAccount(database)
  const hashed = await hashing.hash(Buffer.from('alice-secret-1'))
  if (account === undefined || hashed.outcome !== 'hashed') throw new Error('not set up')
  await transact(database, (tx) =>
    createUser(tx, {
      actor: systemActor,
      accountId: account.id,
      username: 'alice',
      passwordHash: hashed.phc,
      apiAccess: { http: true, smpp: false },
    }),
  )
  const app = new Hono<Sallyport>()
  app.use('/open/*', sallyport.middleware())
  app.use('/sms/*', sallyport.middleware('sms/send'))
  app.get('*', (c) => c.json({ user: c.get('user').username, decision: c.get('decision') }))
  await new Promise<void>((resolve) => {
    server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => {
      resolve()
    })
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await sallyport.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const get = (path: string, password: string): Promise<Response> =>
  fetch(url + path, { headers: { authorization: basic('alice', password) } })

test('a permitted request goes on with its user and decision', async () => {
  const response = await get('/open/x', 'alice-secret-1')
  expect(response.status).toBe(200)
  const decision = response.headers.get('x-sallyport-decision')
  expect(await response.json()).toEqual({ user: 'alice', decision })
})

test('a wrong password is answered as at the gateway, no sooner than the floor', async () => {
  const began = performance.now()
  const response = await get('/open/x', 'wrong')
  expect(performance.now() - began).toBeGreaterThan(95)
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toBe('Basic realm="sallyport", charset="UTF-8"')
  expect(await response.json()).toMatchObject({ title: 'Invalid login details', status: 401 })
})

test('a permission that is not held is 403', async () => {
  expect((await get('/sms/x', 'alice-secret-1')).status).toBe(403)
})
