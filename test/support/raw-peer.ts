import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { Certificate } from './certificate.ts'
import { cutPdus } from './pdu.ts'

/** One end of a TCP connection that speaks bytes and keeps all that it hears. */
export type RawPeer = {
  readonly socket: Socket
  readonly send: (...parts: readonly Buffer[]) => void
  /** The next whole PDU; rejects when the connection ends without one. */
  readonly next: () => Promise<Buffer>
  /** So many octets from where `next` is, or what came before the end. */
  readonly take: (octets: number) => Promise<Buffer>
  /** All that came and was not taken. */
  readonly untaken: () => Buffer
  /** The other end has said that it sends no more, or is gone. */
  readonly ended: Promise<void>
}

export const createRawPeer = (socket: Socket): RawPeer => {
  let chunks: Buffer[] = []
  let octets = 0
  let isOver = false
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const look of waiting) look()
  }
  const untaken = (): Buffer => {
    if (chunks.length > 1) chunks = [Buffer.concat(chunks)]
    return chunks[0] ?? Buffer.alloc(0)
  }
  const keep = (rest: Buffer): void => {
    chunks = [rest]
    octets = rest.length
  }
  const ended = new Promise<void>((resolve) => {
    const over = (): void => {
      isOver = true
      resolve()
      wake()
    }
    socket.on('end', over).on('close', over)
  })
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    octets += chunk.length
    wake()
  })
  /** Waits until `find` finds something, or nothing more can come. */
  const when = <Found>(find: () => Found | undefined): Promise<Found | undefined> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = find()
        if (found === undefined && !isOver) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  return {
    socket,
    ended,
    untaken,
    send: (...parts) => socket.write(Buffer.concat(parts)),
    next: async () => {
      const found = await when(() => cutPdus(untaken()).pdus[0])
      if (found === undefined) throw new Error(`ended after ${untaken().toString('hex')}`)
      keep(untaken().subarray(found.length))
      return found
    },
    take: async (count) => {
      await when(() => (octets >= count ? true : undefined))
      const taken = untaken().subarray(0, count)
      keep(untaken().subarray(count))
      return taken
    },
  }
}

/** A peer that connects to a port here, from another address of this machine if one is given. */
export const connectPeer = (port: number, localAddress?: string): Promise<RawPeer> =>
  new Promise((resolve, reject) => {
    const from = localAddress === undefined ? {} : { localAddress }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...from }, () => {
      resolve(createRawPeer(socket))
    })
    socket.once('error', reject)
  })

/** Both ends of a new connection, over TCP or TLS. */
export const connectedPair = async (
  certificate?: Certificate,
): Promise<[near: Socket, far: RawPeer]> => {
  const server: Server =
    certificate === undefined
      ? createServer({ noDelay: true, pauseOnConnect: true })
      : createTlsServer({ cert: certificate.cert, key: certificate.key })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const event = certificate === undefined ? 'connection' : 'secureConnection'
  const near = new Promise<Socket>((resolve) => server.once(event, resolve))
  const { port } = server.address() as AddressInfo
  const far =
    certificate === undefined
      ? await connectPeer(port)
      : createRawPeer(connectTls({ port, host: '127.0.0.1', ca: certificate.cert }))
  const accepted = await near
  server.close()
  return [accepted, far]
}
