import {
  createServer as createHttp,
  type RequestListener,
  type Server as HttpServer,
} from 'node:http'
import { createServer as createHttps } from 'node:https'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { createIsTrusted } from '../../gateway/client-address.ts'
import {
  addressOfSocket,
  requireProxyHeader,
  type FindSource,
} from '../../gateway/proxied-listener.ts'
import { parseRange, type Range } from '../../policies/range.ts'
import { createCertificate } from '../support/certificate.ts'
import { proxyV1, proxyV2 } from '../support/proxy-header.ts'

const loopback = (parseRange('127.0.0.0/8') as { range: Range }).range
const header = proxyV1('TCP4 203.0.113.9 10.0.0.1 56324 443')
const certificate = createCertificate('localhost')

const open = new Set<Server>()
afterEach(() => {
  for (const server of open) server.close()
  open.clear()
})

type Listener = { port: number; findSource: FindSource; refused: string[]; accepted: () => number }

const listen = async (
  server: Server,
  trusted = [loopback],
  deadlineMs = 5_000,
): Promise<Listener> => {
  const refused: string[] = []
  let accepted = 0
  server.on('connection', () => {
    accepted += 1
  })
  const findSource = requireProxyHeader(server, {
    isTrusted: createIsTrusted(trusted),
    deadlineMs,
    onRefused: (fault) => refused.push(fault),
  })
  open.add(server)
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return {
    port: (server.address() as AddressInfo).port,
    findSource,
    refused,
    accepted: () => accepted,
  }
}

/** What the other side sends until it closes; `before` is the first chunk, written at once. */
const talk = (port: number, chunks: readonly Buffer[], { end = true } = {}): Promise<string> =>
  new Promise((resolve) => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      send(chunks)
    })
    const send = ([chunk, ...rest]: readonly Buffer[]): void => {
      if (chunk !== undefined) socket.write(chunk, () => setImmediate(send, rest))
      else if (end) socket.end()
    }
    socket.on('data', (data) => (answer += data.toString())).on('error', () => undefined)
    socket.on('close', () => {
      resolve(answer)
    })
  })

const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]))

/** Answers with the method, the length of the body, and who is behind the socket. */
const httpServer = (create: (listener: RequestListener) => HttpServer) => {
  const listener: { findSource?: FindSource } = {}
  const server = create((request, response) => {
    let length = 0
    request.on('data', (chunk: Buffer) => (length += chunk.length))
    request.on('end', () => {
      const source = listener.findSource?.(request.socket)?.text ?? ''
      response.end(`<${request.method ?? ''} ${length} ${source}>`)
    })
  })
  return async (): Promise<Listener> => Object.assign(listener, await listen(server))
}
const overHttp = () => httpServer((listener) => createHttp(listener))()
const overHttps = () =>
  httpServer((listener) =>
    createHttps({ cert: certificate.cert, key: certificate.key }, listener),
  )()

const body = 'x'.repeat(200_000)
const requests = Buffer.from(
  `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
    'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
)
const bothOf = (source: string) => [`<POST ${body.length} ${source}>`, `<GET 0 ${source}>`]

describe('an HTTP listener that requires the header', () => {
  it.each([
    ['in one piece', [Buffer.concat([header, requests])]],
    ['apart from the requests', [header, requests]],
    ['split into single bytes (E6)', [...bytewise(header), requests]],
    [
      'as single bytes, and the requests begun so',
      [...bytewise(header), ...bytewise(requests.subarray(0, 60)), requests.subarray(60)],
    ],
  ])('serves requests that follow it %s', async (_, chunks) => {
    const { port } = await overHttp()
    const answer = await talk(port, chunks, { end: false })
    expect(answer.match(/<.*?>/g)).toEqual(bothOf('203.0.113.9'))
  })

  it('serves requests that end with the connection', async () => {
    const { port } = await overHttp()
    const answer = await talk(port, [Buffer.concat([header, requests])])
    expect(answer.match(/<.*?>/g)).toEqual(bothOf('203.0.113.9'))
  })

  it.each([
    [
      'version 2',
      proxyV2({ family: 0x11, body: Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 1, 2, 3, 4]) }),
      '203.0.113.9',
    ],
    [
      'LOCAL, where the peer speaks for itself',
      proxyV2({ command: 0x20, family: 0, body: Buffer.alloc(0) }),
      '127.0.0.1',
    ],
    ['UNKNOWN, likewise', proxyV1('UNKNOWN'), '127.0.0.1'],
  ])('knows who is behind %s', async (_, first, source) => {
    const { port } = await overHttp()
    const answer = await talk(port, [Buffer.concat([first, requests])], { end: false })
    expect(answer.match(/<.*?>/g)).toEqual(bothOf(source))
  })

  it('forgets who was behind a connection that is closed', async () => {
    const server = createHttp()
    const { port, findSource } = await listen(server)
    const served = new Promise<Socket>((resolve) => {
      server.on('request', (request, response) => {
        response.end()
        request.socket.on('close', () => {
          setImmediate(resolve, request.socket)
        })
      })
    })
    await talk(port, [Buffer.concat([header, requests])])
    expect(findSource(await served)).toBeUndefined()
  })

  it.each([
    ['is missing', Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n'), 'no PROXY header'],
    ['is truncated', header.subarray(0, 20), 'ended within the header'],
    ['never comes', Buffer.alloc(0), 'ended within the header'],
    [
      'is oversize',
      Buffer.from(`PROXY UNKNOWN ${'x'.repeat(2_000)}`),
      'longer than version 1 allows',
    ],
  ])('closes without a word where it %s (E6)', async (_, bytes, fault) => {
    const { port, refused, accepted } = await overHttp()
    expect(await talk(port, [bytes])).toBe('')
    expect(refused).toEqual([fault])
    expect(accepted()).toBe(0)
  })

  it('closes at the deadline, whatever trickles in', async () => {
    const { port, refused } = await listen(createHttp(), [loopback], 30)
    expect(await talk(port, [header.subarray(0, 5)], { end: false })).toBe('')
    expect(refused).toEqual(['no header in time'])
  })

  it('closes on a peer that is not trusted, right header or not (E6)', async () => {
    const { port, refused, accepted } = await listen(createHttp(), [])
    expect(await talk(port, [Buffer.concat([header, requests])])).toBe('')
    expect(refused).toEqual(['the peer is not trusted'])
    expect(accepted()).toBe(0)
  })
})

it('is refused as a request by a listener that does not ask for it (E6)', async () => {
  const server = createHttp(() => {
    expect.unreachable()
  })
  open.add(server)
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  expect(await talk(port, [Buffer.concat([header, requests])])).toMatch(/^HTTP\/1.1 400 /)
  expect(await talk(port, [proxyV2({ family: 0, body: Buffer.alloc(0) })])).toMatch(
    /^HTTP\/1.1 400 /,
  )
})

/** A balancer in front of a port: its header goes in one chunk with the client's first bytes. */
const balance = async (port: number): Promise<number> => {
  const balancer = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    client.once('data', (first) => {
      server.write(Buffer.concat([header, first]))
      client.pipe(server)
    })
    server.pipe(client)
  })
  open.add(balancer)
  await new Promise<void>((ready) => balancer.listen(0, '127.0.0.1', ready))
  return (balancer.address() as AddressInfo).port
}

const talkTls = async (listener: Listener, bytes: Buffer): Promise<string> => {
  const port = await balance(listener.port)
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', ca: certificate.cert })
    let answer = ''
    socket.on('data', (data: Buffer) => (answer += data.toString())).on('error', reject)
    socket
      .on('close', () => {
        resolve(answer)
      })
      .write(bytes)
  })
}

describe('TLS after the header', () => {
  it('serves requests where the hello comes in the same chunk', async () => {
    const answer = await talkTls(await overHttps(), requests)
    expect(answer.match(/<.*?>/g)).toEqual(bothOf('203.0.113.9'))
  })

  it('knows who is behind a bare TLS socket', async () => {
    const server = createTls({ cert: certificate.cert, key: certificate.key })
    const listener = await listen(server)
    server.on('secureConnection', (socket) => socket.end(listener.findSource(socket)?.text ?? ''))
    expect(await talkTls(listener, Buffer.from('x'))).toBe('203.0.113.9')
  })
})

it('leaves a bare socket to begin right after the header', async () => {
  const server = createServer((socket) => {
    socket.once('data', (data) =>
      socket.end(`${findSource(socket)?.text ?? ''} ${data.toString('hex')}`),
    )
  })
  const { port, findSource } = await listen(server)
  expect(await talk(port, [Buffer.concat([header, Buffer.from('0000001000000009', 'hex')])])).toBe(
    '203.0.113.9 0000001000000009',
  )
})

it.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8::7', '2001:db8::7'],
  ['fe80::7%eth0', 'fe80::7'],
  [undefined, undefined],
])('is read of the socket, as policies know it: the remote address %s', (remoteAddress, text) => {
  expect(addressOfSocket({ remoteAddress })?.text).toBe(text)
})
