import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '../../db/api-keys.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { basic } from '../support/gateway.ts'
import { attack, head, startPair, type Pair } from '../support/pair.ts'

let pair: Pair
const answers: string[] = []

/** Each stands nowhere but where it was planted. */
const right = 'planted-right-7f3a9c1e'
const wrong = 'planted-wrong-4b8d2e60'
const key = 'planted-key-91c5f7a3b2d84e06'
const stranger = 'planted-name-of-nobody'
const bearer = 'planted-bearer-0d9e8f7a6b5c'
const session = 'planted-session-5e4d3c2b1a'
const inPath = 'planted-in-a-query-6a7b8c'
const inCookie = 'planted-in-a-cookie-2c3d4e'
const inBody = 'planted-in-a-body-8e9f0a'
const planted = [right, wrong, key, stranger, bearer, session, inPath, inCookie, inBody]

/** A secret, and how else it might be written down. */
const spellings = (secret: string): string[] => {
  const octets = Buffer.from(secret)
  // In base64 behind a name, a secret is spelt in one of three ways, by where it begins.
  const inBase64 = [0, 1, 2].map((pad) =>
    Buffer.concat([Buffer.alloc(pad), octets])
      .toString('base64')
      .slice(4, -4),
  )
  return [secret, octets.toString('hex'), encodeURIComponent(secret), ...inBase64]
}

beforeAll(async () => {
  pair = await startPair({ users: [{ username: 'victim', password: right }] })
  const { core, addUser } = pair.gateway
  const { id: userId } = await addUser({ username: 'owner' })
  await transact(core.database, (tx) =>
    createApiKey(tx, { actor: systemActor, userId, name: 'key', digest: digestToken(key) }),
  )
  const send = async (authorization: string, line = 'POST /a'): Promise<void> => {
    const fields = `Content-Length: ${inBody.length}\nCookie: sid=${inCookie}\nConnection: close`
    const octets = head(`${line}?token=${inPath}`, `Authorization: ${authorization}\n${fields}`)
    answers.push((await attack(pair, octets + inBody)).text)
  }
  await send(basic('victim', right))
  await send(basic('victim', right))
  for (let i = 0; i < 6; i++) await send(basic('victim', `${wrong}-${i}`))
  await send(basic('victim', right))
  await send(basic(stranger, wrong))
  await send(basic('victim', right), 'POST /a%zz')
  await send(basic('victim', right), 'TRACE /a')
  await send(`${basic('victim', right)}, ${basic('victim', wrong)}`)
  await send(`Basic ${right}`)
  await send(`App ${key}`)
  await send(`App ${key}x`)
  await send(`Bearer ${bearer}`)
  await send(`IBSSO ${session}`)
  await send(basic('victim', wrong.repeat(20)))
  // Whatever breaks must not tell either.
  const { verify } = core.hashing
  Object.assign(core.hashing, {
    verify: () => {
      throw new Error('the disk is gone')
    },
  })
  await addUser({ username: 'other', password: right })
  await send(basic('other', wrong))
  Object.assign(core.hashing, { verify })
  await pair.upstream.stop()
  await send(`App ${key}`)
})
afterAll(() => pair.gateway.stop())

test('planted secrets were used, and led to all kinds of answers', () => {
  const statuses = new Set(answers.map((text) => text.slice(9, 12)))
  expect(statuses).toEqual(new Set(['200', '400', '401', '405', '502', '503']))
})

test('they stand in no log (D7)', () => {
  const log = pair.gateway.logged.join('\n')
  expect(log).toContain('the disk is gone')
  for (const secret of planted)
    for (const spelling of spellings(secret)) expect(log).not.toContain(spelling)
})

test('they stand in no answer (D7)', () => {
  for (const secret of planted)
    for (const spelling of spellings(secret)) expect(answers.join('\n')).not.toContain(spelling)
})

test('they stand in no metric, and no name or address does (D7)', async () => {
  const metrics = await (await fetch(`${pair.gateway.adminUrl}/metrics`)).text()
  expect(metrics).toContain('sallyport_decisions_total')
  for (const name of ['victim', 'owner', '127.0.0.1']) expect(metrics).not.toContain(name)
  for (const secret of planted)
    for (const spelling of spellings(secret)) expect(metrics).not.toContain(spelling)
})

test('credentials go no further than the gateway (D7)', () => {
  const seen = JSON.stringify(pair.upstream.seen)
  expect(seen).toContain(inCookie)
  for (const secret of [right, wrong, key, bearer, session])
    for (const spelling of spellings(secret)) expect(seen).not.toContain(spelling)
})

test('they stand in no file of the data folder, the audit and its journal included (D7)', async () => {
  const { core, dataDir } = pair.gateway
  await core.refusals.flush()
  await core.sources.flush()
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
  expect(files.join('')).toContain('victim')
  for (const secret of planted)
    for (const spelling of spellings(secret))
      for (const file of files) expect(file.includes(spelling)).toBe(false)
})
