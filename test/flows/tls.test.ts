import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCertificate } from '../support/certificate.ts'
import { basic } from '../support/gateway.ts'
import {
  alice,
  good,
  permitted,
  refused,
  startPair,
  verdictsIn,
  type Pair,
} from '../support/pair.ts'
import { proxyV1 } from '../support/proxy-header.ts'

/** Over TLS; and over TLS behind a balancer that speaks the PROXY protocol. */
let pair: Pair
let behind: Pair

const folder = mkdtempSync(join(tmpdir(), 'sallyport-tls-'))
const certificate = createCertificate('localhost')
const users = [
  { username: 'bob', password: 'bob-secret-01', safelist: [{ range: '203.0.113.0/24' }] },
]

beforeAll(async () => {
  const env = { HTTP_TLS_CERT: join(folder, 'cert.pem'), HTTP_TLS_KEY: join(folder, 'key.pem') }
  writeFileSync(env.HTTP_TLS_CERT, certificate.cert)
  writeFileSync(env.HTTP_TLS_KEY, certificate.key)
  const limits = { headerTimeoutMs: 400 }
  pair = await startPair({ env, file: { limits }, users })
  const proxied = { HTTP_PROXY_PROTOCOL: 'required', TRUSTED_PROXIES: '127.0.0.0/8' }
  behind = await startPair({ env: { ...env, ...proxied }, users })
})
afterAll(async () => {
  await pair.stop()
  await behind.stop()
  rmSync(folder, { recursive: true })
})

/** All that came until the other side closed; rejects when there is no TLS. */
const readAll = (socket: Socket, octets: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ''
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('close', () => {
      resolve(text)
    })
    if (octets !== '') socket.write(octets, 'latin1')
  })
const secured = (options: ConnectionOptions = {}): TLSSocket =>
  connect({ port: pair.gateway.port, host: '127.0.0.1', ca: certificate.cert, ...options })

const close = 'Connection: close'
const asBob = good('/', close).replace(alice, basic('bob', 'bob-secret-01'))

describe('over TLS', () => {
  it('requests are decided and relayed as ever, and the upstream is told', async () => {
    const text = await readAll(secured(), good('/1') + good('/2', close))
    expect(await verdictsIn(pair, text)).toEqual([permitted(), permitted()])
    expect(pair.upstream.seen.at(-1)?.fields['x-forwarded-proto']).toBe('https')
    const refusal = await readAll(secured(), asBob)
    expect(await verdictsIn(pair, refusal)).toEqual([refused(401, 'source-not-safelisted')])
  })

  it('a body of 10 MB goes up and comes down', async () => {
    const body = 'x'.repeat(10_000_000)
    const fields = `${close}\nContent-Length: ${body.length}`
    const text = await readAll(secured(), good('/up', fields).replace('GET', 'POST') + body)
    expect(await verdictsIn(pair, text)).toEqual([permitted()])
    expect(pair.upstream.seen.at(-1)?.body.length).toBe(body.length)
  })

  it('HTTP/1.1 is agreed on where the client asks', async () => {
    const socket = secured({ ALPNProtocols: ['h2', 'http/1.1'] })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    expect(socket.alpnProtocol).toBe('http/1.1')
    expect(socket.getProtocol()).toBe('TLSv1.3')
    socket.destroy()
  })

  it('a client that speaks something else alone is told so', async () => {
    const other = secured({ ALPNProtocols: ['h2'] })
    await expect(readAll(other, '')).rejects.toThrow(/no application protocol/i)
  })

  it('TLS 1.1 is not spoken', async () => {
    const old = secured({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' })
    await expect(readAll(old, '')).rejects.toThrow(/protocol version|unsupported/i)
  })

  it.each([
    ['HTTP', good('/')],
    ['garbage', '\0\0\0\0\0\0\0\0'],
    ['half a hello', '\x16\x03\x01\x02\x00\x01'],
    ['nothing', ''],
  ])('who sends %s instead is closed in time', async (_, octets) => {
    const before = pair.upstream.seen.length
    const text = await readAll(connectTcp(pair.gateway.port, '127.0.0.1'), octets)
    expect(text).not.toMatch(/^HTTP/)
    expect(pair.upstream.seen.length).toBe(before)
  })

  it('who shakes hands and then sends nothing is closed in time', async () => {
    expect(await readAll(secured(), '')).toBe('')
  })
})

describe('over TLS behind a balancer', () => {
  const through = async (header: Buffer): Promise<string> => {
    const tcp = connectTcp(behind.gateway.port, '127.0.0.1')
    await new Promise((resolve) => tcp.once('connect', resolve))
    tcp.write(header)
    return readAll(secured({ socket: tcp }), asBob)
  }

  it('the client is whom the balancer names (E6)', async () => {
    const inside = await through(proxyV1('TCP4 203.0.113.9 10.0.0.1 56324 443'))
    expect(await verdictsIn(behind, inside)).toEqual([permitted()])
    expect(behind.upstream.seen.at(-1)?.fields).toMatchObject({
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
    })
    const outside = await through(proxyV1('TCP4 198.51.100.9 10.0.0.1 56324 443'))
    expect(await verdictsIn(behind, outside)).toEqual([refused(401, 'source-not-safelisted')])
  })

  it('a hello without the header is closed without a word', async () => {
    await expect(readAll(secured({ port: behind.gateway.port }), '')).rejects.toThrow()
  })
})
