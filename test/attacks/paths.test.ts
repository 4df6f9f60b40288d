import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  alice,
  attack,
  good,
  head,
  permitted,
  prime,
  refused,
  startPair,
  type Pair,
} from '../support/pair.ts'

/** Alice may use everything but what is below /admin, and hosts but admin.example. */
let pair: Pair

beforeAll(async () => {
  pair = await startPair({
    routes: (url) => [
      { path: '/', upstream: [url] },
      { path: '/admin', upstream: [url], permission: 'sms/send' },
      { path: '/strip/me', upstream: [`${url}/base`], stripPath: true },
      { host: 'admin.example', path: '/', upstream: [url], permission: 'sms/send' },
    ],
  })
})
afterAll(() => pair.stop())
beforeEach(() => prime(pair))

const close = 'Connection: close'
const get = (target: string): string => good(target, close)
const forbidden = refused(403, 'permission-missing')
const malformed = refused(400, 'request-malformed')

describe('a path below /admin is decided as such, or refused, however it is spelt (F1)', () => {
  it.each([
    ['/admin', forbidden],
    ['/admin/', forbidden],
    ['/admin/x', forbidden],
    ['/admin?x', forbidden],
    ['/%61dmin/x', forbidden],
    ['/%61%64%6d%69%6E', forbidden],
    ['/admin/%7euser', forbidden],
    ['http://h/admin/x', forbidden],
    ['HTTP://H:80/%61dmin', forbidden],
    ['//admin/x', malformed],
    ['///admin/x', malformed],
    ['/pub//admin', malformed],
    ['/admin%2Fx', malformed],
    ['/admin%2fx', malformed],
    ['/%2Fadmin', malformed],
    ['/admin%5Cx', malformed],
    ['/admin\\x', malformed],
    ['/\\admin', malformed],
    ['/admin;a=b/x', malformed],
    ['/admin;/x', malformed],
    ['/admin%3Bx', malformed],
    ['/admin%00/x', malformed],
    ['/admin%00', malformed],
    ['/admin%20%0d%0aX:%20y', malformed],
    ['/admin%09', malformed],
    ['/admin%7f', malformed],
    ['/pub/../admin/x', malformed],
    ['/pub/./../admin/x', malformed],
    ['/./admin', malformed],
    ['/pub/%2e%2e/admin/x', malformed],
    ['/pub/.%2e/admin/x', malformed],
    ['/pub/%2E./admin/x', malformed],
    ['/pub/..;/admin', malformed],
    ['/pub/..%3B/admin', malformed],
    ['/pub/..%2Fadmin', malformed],
    ['/pub/..%5Cadmin', malformed],
    ['/pub/%c0%ae%c0%ae/admin', malformed],
    ['/pub/%e0%80%ae%e0%80%ae/admin', malformed],
    ['/pub/%252e%252e/admin', malformed],
    ['/%2561dmin', malformed],
    ['/admin%252Fx', malformed],
    ['/%uff0e%uff0e/admin', malformed],
    ['/pub/%EF%BC%8E%EF%BC%8E/admin', malformed],
    ['/pub%EF%BC%8Fadmin', malformed],
    ['/%EF%BD%81dmin/x#', malformed],
    ['/admin#x', malformed],
    ['/a%zz', malformed],
    ['/a%', malformed],
    ['/a%4', malformed],
    ['/a%%34', malformed],
    ['/\u00e4dmin', malformed],
    ['admin', malformed],
    ['*', malformed],
    ['?admin', malformed],
    ['http://admin.example/x', malformed],
    ['http://h@admin.example/x', malformed],
    ['http://h:81/x', malformed],
    ['https://h/admin', forbidden],
    ['ftp://h/x', malformed],
    ['http:/h/x', malformed],
    ['http:///x', malformed],
  ])('%s', async (target, verdict) => {
    const { verdicts, seen } = await attack(pair, get(target))
    expect(verdicts).toEqual([verdict])
    expect(seen).toEqual([])
  })
})

describe('any other path reaches the upstream as it was decided', () => {
  it.each([
    ['/ADMIN/x', '/ADMIN/x'],
    ['/admins', '/admins'],
    ['/pub/admin', '/pub/admin'],
    ['/pub/?next=/../admin//x;%00', '/pub/?next=/../admin//x;%00'],
    ['/pub/%7Euser', '/pub/~user'],
    ['/pub/%c3%a9', '/pub/%C3%A9'],
    ['/pub/a%20b', '/pub/a%20b'],
    ['/pub/%5Bx%5D', '/pub/%5Bx%5D'],
    ['/pub/{x}', '/pub/%7Bx%7D'],
    ['/%EF%BD%81dmin/x', '/%EF%BD%81dmin/x'],
    ['http://h/pub?x', '/pub?x'],
    ['http://h', '/'],
    ['/strip/me', '/base/'],
    ['/strip/me/x?y', '/base/x?y'],
    ['/strip/%6De/x', '/base/x'],
    ['/strip/mee', '/strip/mee'],
  ])('%s', async (target, sent) => {
    const { verdicts, seen } = await attack(pair, get(target))
    expect(verdicts).toEqual([permitted()])
    expect(seen).toEqual([`GET ${sent}`])
  })
})

describe('a host with two readings is refused (F3)', () => {
  const withHost = (...lines: readonly string[]): string => {
    const fields = [...lines, `Authorization: ${alice}`, close].join('\r\n')
    return `GET /x HTTP/1.1\r\n${fields}\r\n\r\n`
  }
  it.each([
    ['none', []],
    ['two', ['Host: h', 'Host: admin.example']],
    ['two of one name', ['Host: h', 'Host: h']],
    ['two, in other cases', ['Host: h', 'hOST: admin.example']],
    ['a list', ['Host: h, admin.example']],
    ['an empty one', ['Host:']],
    ['user information', ['Host: h@admin.example']],
    ['a path', ['Host: h/admin']],
    ['an escape', ['Host: %61dmin.example']],
    ['a trailing dot', ['Host: admin.example.']],
    ['a space within', ['Host: h admin.example']],
    ['a port that is none', ['Host: h:8o']],
    ['a port beyond all', ['Host: h:65536']],
    ['a bare IPv6 address', ['Host: ::1']],
    ['a full-width name', ['Host: \u00e4dmin.example']],
  ])('%s', async (_, lines) => {
    const { verdicts, seen } = await attack(pair, withHost(...lines))
    expect(verdicts).toEqual([malformed])
    expect(seen).toEqual([])
  })

  it.each(['admin.example', 'ADMIN.Example', 'admin.example:80', 'admin.example:4711'])(
    'that of another route is decided as such: %s',
    async (host) => {
      const { verdicts } = await attack(pair, withHost(`Host: ${host}`))
      expect(verdicts).toEqual([forbidden])
    },
  )

  it('a twin of Host is neither read nor sent on', async () => {
    const { verdicts } = await attack(
      pair,
      withHost('Host: h', 'X-Host: admin.example', 'H_ost: x'),
    )
    expect(verdicts).toEqual([permitted()])
    expect(pair.upstream.seen.at(-1)?.fields).toMatchObject({ host: 'h', 'x-forwarded-host': 'h' })
  })
})

describe('a method', () => {
  it.each(['TRACE', 'CONNECT'])('%s is 405 (F7)', async (method) => {
    for (const target of ['/x', 'h:443', 'http://h/x', '*']) {
      const octets = head(`${method} ${target}`, `Authorization: ${alice}\n${close}`)
      const { verdicts, seen, text } = await attack(pair, octets)
      expect(verdicts).toEqual([refused(405, 'method-not-allowed')])
      expect(text).toMatch(/\r\nAllow: GET, HEAD, /)
      expect(seen).toEqual([])
    }
  })

  it.each(['PROPFIND', 'QUERY', 'OPTIONS', 'trace', 'GETS'])(
    '%s is none of our business, and is decided by its path',
    async (method) => {
      const octets = head(`${method} /admin`, `Authorization: ${alice}\n${close}`)
      expect((await attack(pair, octets)).verdicts).toEqual([forbidden])
    },
  )

  it('OPTIONS of everything meets no route', async () => {
    const octets = head('OPTIONS *', `Authorization: ${alice}\n${close}`)
    expect((await attack(pair, octets)).verdicts).toEqual([refused(404, 'route-unknown')])
  })
})

it('a redirect to elsewhere is passed on and not followed (F8)', async () => {
  const target = 'http://169.254.169.254/latest/meta-data'
  const redirecting = await startPair({
    answer: (_, outgoing) => {
      outgoing.writeHead(302, { location: target }).end()
    },
  })
  const { text, verdicts } = await attack(redirecting, get('/x'))
  await redirecting.stop()
  expect(verdicts).toEqual([permitted(302)])
  expect(text).toContain(`\r\nlocation: ${target}\r\n`)
})
