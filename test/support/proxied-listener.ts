import {
  createServer as createHttp,
  type RequestListener,
  type Server as HttpServer,
} from 'node:http'
import { createServer as createHttps } from 'node:https'
import { connect, type AddressInfo, type Server } from 'node:net'
import { afterEach } from 'vitest'
import { createIsTrusted } from '../../gateway/client-address.ts'
import { requireProxyHeader, type FindSource } from '../../gateway/proxied-listener.ts'
import { parseRange, type Range } from '../../policies/range.ts'
import { createCertificate } from './certificate.ts'
import { proxyV1 } from './proxy-header.ts'

export const loopback = (parseRange('127.0.0.0/8') as { range: Range }).range
export const header = proxyV1('TCP4 203.0.113.9 10.0.0.1 56324 443')
export const certificate = createCertificate('localhost')

export const open = new Set<Server>()
afterEach(() => {
  for (const server of open) server.close()
  open.clear()
})

export type Listener = {
  port: number
  findSource: FindSource
  refused: string[]
  accepted: () => number
}

export const listen = async (
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
export const talk = (
  port: number,
  chunks: readonly Buffer[],
  { end = true } = {},
): Promise<string> =>
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

export const bytewise = (bytes: Buffer): Buffer[] =>
  Array.from(bytes, (byte) => Buffer.from([byte]))

/** Answers with the method, the length of the body, and who is behind the socket. */
export const httpServer = (create: (listener: RequestListener) => HttpServer) => {
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
export const overHttp = () => httpServer((listener) => createHttp(listener))()
export const overHttps = () =>
  httpServer((listener) =>
    createHttps({ cert: certificate.cert, key: certificate.key }, listener),
  )()

export const body = 'x'.repeat(200_000)
export const requests = Buffer.from(
  `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
    'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
)
export const bothOf = (source: string) => [`<POST ${body.length} ${source}>`, `<GET 0 ${source}>`]
