import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { alice, good, head, prime, reasonOf, startPair, type Pair } from '../support/pair.ts'
import { basic } from '../support/gateway.ts'
import { openRawClient } from '../support/raw-client.ts'
import { exchangeRaw, statusesIn } from '../support/raw.ts'
import { startWebSocketUpstream, upgrade, type WebSocketUpstream } from '../support/websocket.ts'

let upstream: WebSocketUpstream
let pair: Pair

beforeAll(async () => {
  upstream = await startWebSocketUpstream()
  pair = await startPair({
    routes: (url) => [
      { path: '/', upstream: [url] },
      { path: '/ws', upstream: [upstream.url] },
      { path: '/ws/admin', upstream: [upstream.url], permission: 'users/view' },
    ],
    users: [{ username: 'dave', password: 'dave-secret-1', enabled: false }],
  })
  await prime(pair)
})
afterAll(async () => {
  await pair.stop()
  await upstream.stop()
})
afterEach(() => expect.poll(() => pair.gateway.core.live.size()).toBe(0))

const ask = (authorization?: string, path = '/ws', headers: Record<string, string> = {}) =>
  upgrade(pair.gateway.url + path, { ...(authorization && { authorization }), ...headers })

const echo = async (socket: Duplex, octets: Buffer): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let length = 0
  const whole = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length >= octets.length) resolve()
    })
  })
  socket.write(octets)
  await whole
  return Buffer.concat(chunks)
}

describe('an upgrade with the right to it', () => {
  it('is decided before 101, and becomes a tunnel that changes nothing', async () => {
    const answer = await ask(alice, '/ws/%7Ea?b=c')
    expect(answer?.status).toBe(101)
    expect(answer?.incoming.headers).toMatchObject({
      upgrade: 'websocket',
      'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    })
    const seen = upstream.seen.at(-1)
    expect(seen?.url).toBe('/ws/~a?b=c')
    expect(seen?.headers['x-sallyport-user']).toBe('alice')
    expect(seen?.headers['x-sallyport-decision']).toBe(
      answer?.incoming.headers['x-sallyport-decision'],
    )
    expect(seen?.headers.authorization).toBeUndefined()
    const octets = Buffer.alloc(3_000_000, 'every octet \0\xff')
    if (answer?.socket === undefined) throw new Error('no tunnel')
    expect((await echo(answer.socket, octets)).equals(octets)).toBe(true)
    answer.socket.end()
    await once(answer.socket, 'close')
  })

  it('carries what the client sent behind its request', async () => {
    const client = await openRawClient(pair.gateway.port)
    const fields = `Connection: Upgrade\nUpgrade: websocket\nAuthorization: ${alice}`
    client.send(`${head('GET /ws', fields)}early${good('/smuggled')}`)
    await client.until((text) => text.endsWith(`\r\n\r\nearly${good('/smuggled')}`))
    expect(pair.upstream.seen.map(({ url }) => url)).not.toContain('/smuggled')
    client.socket.destroy()
  })

  it('carries the last octets to a client that reads slowly, and then ends', async () => {
    const octets = Buffer.alloc(20_010_000, 'x')
    const ending = await startWebSocketUpstream((socket) => socket.end(octets))
    const other = await startPair({ routes: () => [{ path: '/', upstream: [ending.url] }] })
    const answer = await upgrade(other.gateway.url, { authorization: alice })
    const socket = answer?.socket
    if (socket === undefined) throw new Error('no tunnel')
    socket.pause()
    await expect.poll(() => ending.sockets[0]?.writableLength).toBeGreaterThan(0)
    let length = 0
    socket.on('data', (chunk: Buffer) => {
      length += chunk.length
      socket.pause()
      setTimeout(() => socket.resume(), 2)
    })
    socket.resume()
    await once(socket, 'end')
    expect(length).toBe(octets.length)
    socket.destroy()
    await other.stop()
    await ending.stop()
  })

  it("ends on the upstream's side when the client is gone, and the other way", async () => {
    const one = await ask(alice)
    one?.socket?.destroy()
    await expect.poll(() => upstream.sockets.at(-1)?.destroyed).toBe(true)
    const two = await ask(alice)
    upstream.sockets.at(-1)?.destroy()
    if (two?.socket === undefined) throw new Error('no tunnel')
    if (!two.socket.destroyed) await once(two.socket.resume(), 'close')
  })

  it('to an upstream that does not want it is an ordinary answer', async () => {
    const answer = await ask(alice, '/plain')
    expect(answer?.status).toBe(200)
    expect(pair.upstream.seen.at(-1)?.fields).toMatchObject({ upgrade: 'websocket' })
  })
})

describe('an upgrade without the right to it is refused before 101 (F11)', () => {
  it.each([
    ['no credential', undefined, '/ws', 401, 'credential-absent'],
    ['a wrong password', basic('alice', 'wrong'), '/ws', 401, 'secret-wrong'],
    ['a disabled user', basic('dave', 'dave-secret-1'), '/ws', 401, 'user-disabled'],
    ['a permission missing', alice, '/ws/admin', 403, 'permission-missing'],
    ['a bad path', alice, '/ws/..%2fadmin', 400, 'request-malformed'],
  ])('with %s', async (_, authorization, path, status, reason) => {
    const before = upstream.seen.length
    const answer = await ask(authorization, path)
    expect(answer?.status).toBe(status)
    const id = answer?.incoming.headers['x-sallyport-decision']
    expect(await reasonOf(pair.gateway, String(id))).toBe(reason)
    expect(upstream.seen.length).toBe(before)
  })

  it('and what was sent behind it is no tunnel and no request', async () => {
    const before = upstream.seen.length
    const refused = head('GET /ws', 'Connection: Upgrade\nUpgrade: websocket')
    const { text } = await exchangeRaw(pair.gateway.port, `${refused}\x81\x85\0\0\0\0hello\r\n\r\n`)
    expect(statusesIn(text.replaceAll('}HTTP', '}\nHTTP'))).toEqual([401, 400])
    expect(upstream.seen.length).toBe(before)
  })

  it.each([
    [
      'POST',
      head('POST /ws', `Authorization: ${alice}\nConnection: Upgrade, close\nUpgrade: websocket`),
    ],
    [
      'a body',
      head(
        'GET /ws',
        `Authorization: ${alice}\nConnection: Upgrade, close\nUpgrade: websocket\nContent-Length: 4`,
      ) + 'body',
    ],
    [
      'h2c',
      head(
        'GET /ws',
        `Authorization: ${alice}\nConnection: Upgrade, HTTP2-Settings, close\nUpgrade: h2c\nHTTP2-Settings: AAMA`,
      ),
    ],
    [
      'HTTP/1.0',
      head('GET /ws', `Authorization: ${alice}\nConnection: Upgrade\nUpgrade: websocket`).replace(
        '1.1',
        '1.0',
      ),
    ],
  ])('with %s it is an ordinary request', async (_, octets) => {
    const { text } = await exchangeRaw(pair.gateway.port, octets)
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*no upgrade/)
  })
})

it('aborted handshakes leave nothing behind (F11)', async () => {
  const octets = [
    head('GET /ws', `Authorization: ${alice}\nConnection: Upgrade\nUpgrade: websocket`),
    head('GET /ws', 'Connection: Upgrade\nUpgrade: websocket'),
    head('GET /ws', 'Connection: Upgrade\nUpgrade: websocket').slice(0, -7),
  ]
  const abort = (at: number): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect(pair.gateway.port, '127.0.0.1', () => {
        socket.write(octets[at % 3] ?? '', () => {
          if (at % 2 === 0) socket.resetAndDestroy()
          else socket.destroy()
        })
      })
      socket
        .on('error', () => undefined)
        .on('close', () => {
          resolve()
        })
    })
  const openSockets = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCPSocket')).length
  const before = openSockets()
  for (let at = 0; at < 10_000; at += 50)
    await Promise.all(Array.from({ length: 50 }, (_, index) => abort(at + index)))
  await expect.poll(() => pair.gateway.core.live.size(), { timeout: 5_000 }).toBe(0)
  await expect.poll(openSockets, { timeout: 5_000 }).toBeLessThanOrEqual(before + 10)
}, 60_000)
