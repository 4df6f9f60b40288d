import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  alice,
  attack,
  good,
  permitted,
  prime,
  refused,
  startPair,
  type Pair,
} from '../support/pair.ts'
import { basic } from '../support/gateway.ts'

/** One that trusts nobody, one that trusts loopback and 10/8 as proxies. */
let plain: Pair
let proxied: Pair

const safelisted = {
  username: 'bob',
  password: 'bob-secret-01',
  safelist: [{ range: '203.0.113.0/24' }],
}
const bob = basic('bob', 'bob-secret-01')

beforeAll(async () => {
  plain = await startPair({ users: [safelisted] })
  proxied = await startPair({
    env: { TRUSTED_PROXIES: '127.0.0.0/8,10.0.0.0/8,2001:db8:ffff::/48' },
    file: { limits: { headerBytes: 1_048_576 } },
    users: [safelisted],
  })
})
afterAll(async () => {
  await plain.stop()
  await proxied.stop()
})
beforeEach(async () => {
  await prime(plain)
  await prime(proxied)
})

const close = 'Connection: close'
const asBob = (fields: string): string => good('/', `${fields}\n${close}`).replace(alice, bob)
const lastFields = ({ upstream }: Pair) => upstream.seen.at(-1)?.fields ?? {}

/** What a client might say of itself; each with a value that is easily found again. */
const claims = [
  ...['Forwarded: for=203.0.113.7', 'X-Forwarded-For: 203.0.113.7', 'X-Real-IP: 203.0.113.7'],
  ...['CF-Connecting-IP: 203.0.113.7', 'True-Client-IP: 203.0.113.7', 'X-Client-IP: 203.0.113.7'],
  ...['X-Cluster-Client-IP: 203.0.113.7', 'Client-IP: 203.0.113.7', 'X-Remote-IP: 203.0.113.7'],
  ...['X-Remote-Addr: 203.0.113.7', 'X-Originating-IP: 203.0.113.7', 'X-Forwarded: 203.0.113.7'],
  ...['Forwarded-For: 203.0.113.7', 'X-Forwarded-By: 203.0.113.7', 'Proxy-Client-IP: 203.0.113.7'],
  ...['WL-Proxy-Client-IP: 203.0.113.7', 'Fastly-Client-IP: 203.0.113.7'],
  ...['X-Envoy-External-Address: 203.0.113.7', 'CF-Connecting-IPv6: 203.0.113.7'],
  ...['X-Azure-ClientIP: 203.0.113.7', 'X-AppEngine-User-IP: 203.0.113.7'],
  ...['X-Forwarded-Host: 203.0.113.7', 'X-Forwarded-Proto: 203.0.113.7', 'X-Host: 203.0.113.7'],
  ...['X-Forwarded-Port: 203.0.113.7', 'X-Forwarded-Prefix: 203.0.113.7'],
  ...['X-Forwarded-Server: 203.0.113.7', 'X-Forwarded-Uri: 203.0.113.7'],
  ...['X-Forwarded-User: 203.0.113.7', 'X-Forwarded-Client-Cert: 203.0.113.7'],
  ...['X-Original-URL: /203.0.113.7', 'X-Rewrite-URL: /203.0.113.7', 'Proxy: 203.0.113.7'],
  ...['X-Sallyport-User: 203.0.113.7', 'X-Sallyport-Assertion: 203.0.113.7'],
  ...['X-Sallyport-Account: 203.0.113.7', 'x-sallyport-decision: 203.0.113.7'],
  ...['X-Sallyport-Anything: 203.0.113.7', 'Keep-Alive: 203.0.113.7', 'Via-203.0.113.7: x'],
].slice(0, -1)

describe('what a stranger says of itself', () => {
  it.each(claims)('is not believed and goes no further: %s (E1)', async (claim) => {
    const { verdicts } = await attack(plain, asBob(claim))
    expect(verdicts).toEqual([refused(401, 'source-not-safelisted')])
    expect((await attack(plain, good('/', `${claim}\n${close}`))).verdicts).toEqual([permitted()])
    expect(plain.upstream.seen.at(-1)?.rawHeaders.join('\n')).not.toContain('203.0.113.7')
    expect(lastFields(plain)['x-forwarded-for']).toBe('127.0.0.1')
  })

  const twins = claims.map((claim) => claim.slice(0, claim.indexOf(':')))
  it.each([
    ['with underscores', (name: string) => name.replaceAll('-', '_')],
    ['with dots', (name: string) => name.replaceAll('-', '.')],
    ['with one underscore', (name: string) => name.replace('-', '_')],
    ['with tildes, as lighttpd reads them', (name: string) => name.replaceAll('-', '~')],
    ['in capitals', (name: string) => name.toUpperCase()],
    [
      'in odd case',
      (name: string) => name.replace(/[a-z]/g, (c, i: number) => (i % 2 ? c : c.toUpperCase())),
    ],
    ['doubled', (name: string) => `${name}: 203.0.113.7\n${name}`],
    ['doubled by its twin', (name: string) => `${name}: 203.0.113.7\n${name.replaceAll('-', '_')}`],
  ])('goes no further %s either (E4)', async (_, spell) => {
    const fields = twins.map((name) => `${spell(name)}: 203.0.113.7`).join('\n')
    const { verdicts } = await attack(plain, good('/', `${fields}\n${close}`))
    expect(verdicts).toEqual([permitted()])
    expect(plain.upstream.seen.at(-1)?.rawHeaders.join('\n')).not.toContain('203.0.113.7')
    expect(lastFields(plain)['x-sallyport-user']).toBe('alice')
  })

  it.each([
    'close, x-sallyport-user, authorization',
    'x-sallyport-account, x-sallyport-decision, x-forwarded-for, close',
    'X-SALLYPORT-USER,,host , close',
    'close\nConnection: x-sallyport-user\nConnection: host, content-length, x-forwarded-for',
  ])('takes nothing of ours away: Connection: %s (E5)', async (options) => {
    const { verdicts } = await attack(plain, good('/', `Connection: ${options}`))
    expect(verdicts).toEqual([permitted()])
    const fields = lastFields(plain)
    expect(fields['x-sallyport-user']).toBe('alice')
    expect(fields['x-sallyport-account']).toMatch(/^[0-9a-f-]{36}$/)
    expect(fields['x-sallyport-decision']).toMatch(/^[0-9a-f-]{36}$/)
    expect(fields['x-forwarded-for']).toBe('127.0.0.1')
    expect(fields['host']).toBe('h')
  })

  it('goes on where it says nothing of that kind', async () => {
    const fields = ['constructor', 'x-forward', 'xx-forwarded-for', 'x-sallyport', 'x-real-ipx']
    const lines = fields.map((name) => `${name}: 203.0.113.7`).join('\n')
    await attack(plain, good('/', `${lines}\n${close}`))
    expect(plain.upstream.seen.at(-1)?.rawHeaders).toEqual(expect.arrayContaining(fields))
  })

  it('takes its own fields away that Connection names', async () => {
    const fields = 'X-Mine: 1\nX-Yours: 2\nConnection: x-mine, close'
    await attack(plain, good('/', fields))
    expect(lastFields(plain)).not.toHaveProperty('x-mine')
    expect(lastFields(plain)).toMatchObject({ 'x-yours': '2' })
  })
})

describe('behind a trusted proxy, the client is the rightmost that is no proxy (E2)', () => {
  it.each([
    ['the only entry', 'X-Forwarded-For: 203.0.113.7', permitted()],
    ['the last of a spoofed list', 'X-Forwarded-For: 198.51.100.1, 203.0.113.7', permitted()],
    ['the last of garbage', 'X-Forwarded-For: unknown, <script>, 203.0.113.7', permitted()],
    ['the last line', 'X-Forwarded-For: 198.51.100.1\nX-Forwarded-For: 203.0.113.7', permitted()],
    ['before our own proxies', 'X-Forwarded-For: 203.0.113.7, 10.1.2.3, 10.9.9.9', permitted()],
    ['in the mapped spelling', 'X-Forwarded-For: ::ffff:203.0.113.7', permitted()],
    ['not the spoofed one', 'X-Forwarded-For: 203.0.113.7, 198.51.100.1', undefined],
    [
      'not the spoofed line',
      'X-Forwarded-For: 203.0.113.7\nX-Forwarded-For: 198.51.100.1',
      undefined,
    ],
    ['not that of another field', 'X-Real-IP: 203.0.113.7\nForwarded: for=203.0.113.7', undefined],
    ['not that of a twin', 'X_Forwarded_For: 203.0.113.7', undefined],
  ])('%s: %s', async (_, fields, verdict = refused(401, 'source-not-safelisted')) => {
    expect((await attack(proxied, asBob(fields))).verdicts).toEqual([verdict])
  })

  it('and the upstream is told the whole chain', async () => {
    await attack(proxied, asBob('X-Forwarded-For: 198.51.100.1, 203.0.113.7'))
    expect(lastFields(proxied)['x-forwarded-for']).toBe('198.51.100.1, 203.0.113.7, 127.0.0.1')
  })

  it.each([
    ['a', 'a'],
    ['unknown', 'unknown'],
    ['empty', ''],
    ['blank', '   '],
    ['a trailing comma', '203.0.113.7,'],
    ['with a port', '203.0.113.7:80'],
    ['in brackets', '[2001:db8::7]'],
    ['quoted', '"203.0.113.7"'],
    ['obfuscated', '_hidden'],
    ['with leading zeros', '203.0.113.007'],
    ['short', '203.0.29447'],
    ['a number', '3405803783'],
    ['a range', '203.0.113.0/24'],
    ['with a zone', 'fe80::7%eth0'],
    ['an entry behind a proxy of ours', 'unknown, 10.1.2.3'],
    ['ten thousand entries', Array(10_000).fill('203.0.113.7').join(', ')],
    ['sixty-five entries', Array(65).fill('203.0.113.7').join(',')],
    ['in two lines, of which the last is empty', '203.0.113.7\nX-Forwarded-For:'],
  ])('one that cannot be read refuses, and skips no check: %s (E3)', async (_, entry) => {
    const { verdicts, seen } = await attack(proxied, asBob(`X-Forwarded-For: ${entry}`))
    expect(verdicts).toEqual([refused(400, 'source-unreadable')])
    expect(seen).toEqual([])
  })
})
