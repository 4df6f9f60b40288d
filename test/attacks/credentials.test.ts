import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApiKey } from '../../db/api-keys.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { countHashes } from '../support/attempts.ts'
import { basic } from '../support/gateway.ts'
import { alice, attack, head, permitted, refused, startPair, type Pair } from '../support/pair.ts'

let pair: Pair
let hashes: () => number
const key = 'a-key-of-alice-with-many-random-octets'

beforeAll(async () => {
  pair = await startPair({
    env: { TRUSTED_PROXIES: '127.0.0.0/8' },
    routes: (url) => [
      { path: '/', upstream: [url] },
      { path: '/admin', upstream: [url], permission: 'users/view' },
    ],
    users: [
      { username: 'bob', password: 'bob-secret-01', safelist: [{ range: '203.0.113.0/24' }] },
      { username: 'abc', password: 'd:and-the-rest-1' },
      { username: 'abcd', password: ':and-the-rest-1' },
    ],
  })
  hashes = countHashes(pair.gateway.core).hashes
  const { database } = pair.gateway.core
  const { id: userId } = await pair.gateway.addUser({ username: 'carol' })
  const digest = digestToken(key)
  await transact(database, (tx) =>
    createApiKey(tx, { actor: systemActor, userId, name: 'key', digest }),
  )
})
afterAll(() => pair.stop())

const call = (fields: string, path = '/x'): ReturnType<typeof attack> =>
  attack(pair, head(`GET ${path}`, `${fields}\nConnection: close`))
const absent = refused(401, 'credential-absent')
const malformed = refused(401, 'credential-malformed')
const ambiguous = refused(400, 'credential-ambiguous')
const of = (text: string): string => Buffer.from(text, 'latin1').toString('base64')

describe('more than one credential is none: neither the first nor the last wins (F5)', () => {
  it.each([
    ['the same twice', `Authorization: ${alice}\nAuthorization: ${alice}`],
    ['a wrong one first', `Authorization: Basic ${of('a:b')}\nAuthorization: ${alice}`],
    ['a wrong one last', `Authorization: ${alice}\nAuthorization: Basic ${of('a:b')}`],
    ['an empty one last', `Authorization: ${alice}\nAuthorization:`],
    ['in other cases', `Authorization: ${alice}\nAUTHORIZATION: ${alice}`],
    ['Basic with an API key', `Authorization: ${alice}\nAuthorization: App ${key}`],
    ['an API key with Basic', `Authorization: App ${key}\nAuthorization: ${alice}`],
    ['in one line', `Authorization: ${alice}, App ${key}`],
    ['in one line, the same', `Authorization: ${alice},${alice}`],
    ['a list of one', `Authorization: ${alice},`],
  ])('%s', async (_, fields) => {
    const { verdicts, seen } = await call(fields)
    expect(verdicts).toEqual([ambiguous])
    expect(seen).toEqual([])
  })

  it('a twin of the field is neither read nor sent on', async () => {
    const { verdicts } = await call(
      `Authorization: App ${key}\nX_Authorization: 1\nAuthorizatio_n: 2`,
    )
    expect(verdicts).toEqual([permitted()])
    expect((await call(`Proxy-Authorization: ${alice}`)).verdicts).toEqual([absent])
    const twin = await call(`Authorization: App ${key}\nPROXY_AUTHORIZATION: ${alice}`)
    expect(twin.verdicts).toEqual([permitted()])
    expect(JSON.stringify(pair.upstream.seen)).not.toContain(alice)
  })
})

describe('a credential that cannot be read is refused, and nothing is forwarded (F6)', () => {
  it.each([
    ['an empty field', '', malformed],
    ['a scheme alone', 'Basic', malformed],
    ['a scheme and a blank', 'Basic ', malformed],
    ['an unknown scheme', `Digest ${of('alice:alice-secret-1')}`, malformed],
    ['a scheme that begins like one', `Basics ${of('alice:alice-secret-1')}`, malformed],
    ['no scheme', of('alice:alice-secret-1'), malformed],
    ['base64 with a blank within', 'Basic YWxpY2U6YWxpY2 Utc2VjcmV0LTE=', malformed],
    ['base64url', 'Basic YWxpY2U6Pz8_', malformed],
    [
      'base64 without its padding',
      of('alice:alice-secret-1').replace(/=+$/, '').replace(/^/, 'Basic '),
      malformed,
    ],
    ['base64 with too much of it', `Basic ${of('alice:alice-secret-1')}=`, malformed],
    ['base64 with stray bits', 'Basic YWxpY2U6YR==', malformed],
    ['no base64 at all', 'Basic alice:alice-secret-1', malformed],
    ['a name without a colon', `Basic ${of('alice')}`, malformed],
    ['nothing in it', `Basic ${of('')}`, malformed],
    ['an empty name', `Basic ${of(':alice-secret-1')}`, refused(401, 'user-unknown')],
    ['an empty password', `Basic ${of('alice:')}`, refused(401, 'secret-wrong')],
    ['NUL in the name', `Basic ${of('ali\0ce:alice-secret-1')}`, malformed],
    [
      'NUL behind the password',
      `Basic ${of('alice:alice-secret-1\0')}`,
      refused(401, 'secret-wrong'),
    ],
    ['octets that are not UTF-8', `Basic ${of('alice:\xff\xfe')}`, malformed],
    [
      'a blank behind the password',
      `Basic ${of('alice:alice-secret-1 ')}`,
      refused(401, 'secret-wrong'),
    ],
    ['an API key that is none', 'App nothing', refused(401, 'user-unknown')],
    ['an API key with a blank', `App ${key} x`, malformed],
    [
      'a session that is none',
      'IBSSO 00000000-0000-4000-8000-000000000000',
      refused(401, 'user-unknown'),
    ],
    ['a bearer that is none', 'Bearer a.b.c', refused(401, 'user-unknown')],
    ['a key as a bearer', `Bearer ${key}`, refused(401, 'user-unknown')],
    ['a key as a password', `Basic ${of(`carol:${key}`)}`, refused(401, 'secret-wrong')],
  ])('%s', async (_, value, verdict) => {
    const { verdicts, seen } = await call(`Authorization: ${value}`)
    expect(verdicts).toEqual([verdict])
    expect(seen).toEqual([])
  })

  it('schemes are read without regard to case', async () => {
    const schemes = [alice.replace('Basic', 'bAsIc'), `APP ${key}`, `app   ${key}`]
    for (const value of schemes)
      expect((await call(`Authorization: ${value}`)).verdicts).toEqual([permitted()])
  })
})

/** Sends a password so many times from another thread, and answers with the status codes. */
const sendElsewhere = async (octets: number, times: number): Promise<unknown> => {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
    const { connect } = require('node:net')
    const { port, octets, times } = workerData
    const secret = Buffer.from('alice:' + 'x'.repeat(octets)).toString('base64')
    const request = 'GET / HTTP/1.1\\r\\nHost: h\\r\\nAuthorization: Basic ' + secret + '\\r\\n\\r\\n'
    const send = (left, answers) => {
      if (left === 0) return parentPort.postMessage(answers)
      const socket = connect(port, '127.0.0.1', () => socket.write(request))
      socket.on('error', () => {})
      socket.once('data', (data) => {
        socket.destroy()
        send(left - 1, [...answers, data.toString('latin1', 9, 12)])
      })
    }
    send(times, [])`,
    { eval: true, workerData: { port: pair.gateway.port, octets, times } },
  )
  const [answers] = (await once(worker, 'message')) as unknown[]
  await worker.terminate()
  return answers
}

describe('a password beyond 256 octets is refused before it is hashed (D1)', () => {
  it.each([
    ['257 octets', 257, malformed],
    ['1 KiB', 1_024, malformed],
    ['1 MB', 1_000_000, refused(431, 'header-fields-too-large')],
    ['10 MB', 10_000_000, refused(431, 'header-fields-too-large')],
  ])('%s', async (_, octets, verdict) => {
    const before = hashes()
    const password = 'x'.repeat(octets)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const answers = await sendElsewhere(octets, 20)
    delay.disable()
    expect(answers).toEqual(Array(20).fill(String(verdict.status)))
    expect(hashes()).toBe(before)
    expect(delay.percentile(99) / 1e6).toBeLessThan(20)
    expect((await call(`Authorization: ${basic('alice', password)}`)).verdicts).toEqual([verdict])
  })

  it('one of 256 octets is compared', async () => {
    const { verdicts } = await call(`Authorization: ${basic('alice', 'x'.repeat(256))}`)
    expect(verdicts).toEqual([refused(401, 'secret-wrong')])
  })
})

it('names and passwords whose joints could be mistaken share nothing (D4)', async () => {
  const right = [basic('abc', 'd:and-the-rest-1'), basic('abcd', ':and-the-rest-1')]
  const wrong = [basic('abc', ':and-the-rest-1'), basic('abcd', 'd:and-the-rest-1')]
  for (let round = 0; round < 2; round++) {
    for (const value of right)
      expect((await call(`Authorization: ${value}`)).verdicts).toEqual([permitted()])
    for (const value of wrong)
      expect((await call(`Authorization: ${value}`)).verdicts).toEqual([
        refused(401, 'secret-wrong'),
      ])
  }
})

describe('a cached credential is decided anew (D5)', () => {
  it('for each address', async () => {
    const bob = `Authorization: ${basic('bob', 'bob-secret-01')}\nX-Forwarded-For: `
    const outside = refused(401, 'source-not-safelisted')
    for (const [address, verdict] of [
      ['203.0.113.7', permitted()],
      ['198.51.100.7', outside],
      ['203.0.114.0', outside],
      ['203.0.113.255', permitted()],
      ['2001:db8::7', outside],
    ] as const)
      expect((await call(bob + address)).verdicts).toEqual([verdict])
  })

  it('for each route', async () => {
    for (const [path, verdict] of [
      ['/x', permitted()],
      ['/admin', refused(403, 'permission-missing')],
      ['/x', permitted()],
    ] as const)
      expect((await call(`Authorization: ${alice}`, path)).verdicts).toEqual([verdict])
  })
})
