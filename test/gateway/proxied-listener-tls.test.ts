import { connect, createServer, type AddressInfo } from 'node:net'
import { connect as connectTls, createServer as createTls } from 'node:tls'
import { describe, expect, it } from 'vitest'
import {
  type Listener,
  bothOf,
  certificate,
  header,
  listen,
  open,
  overHttps,
  requests,
} from '../support/proxied-listener.ts'

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
