import { createServer as createHttp } from 'node:http'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { addressOfSocket } from '../../gateway/proxied-listener.ts'
import { proxyV1, proxyV2 } from '../support/proxy-header.ts'
import {
  bothOf,
  bytewise,
  header,
  listen,
  loopback,
  open,
  overHttp,
  requests,
  talk,
} from '../support/proxied-listener.ts'

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
