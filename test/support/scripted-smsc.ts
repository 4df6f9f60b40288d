import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { commands } from '../../gateway/smpp/constants.ts'
import type { Certificate } from './certificate.ts'
import { pdu, readPdu } from './pdu.ts'
import { createRawPeer, type RawPeer } from './raw-peer.ts'

/** An SMSC on bytes whose connections a test plays itself. */
export type ScriptedSmsc = {
  readonly port: number
  readonly connections: RawPeer[]
  readonly close: () => void
}

/** `script` is called with every connection. */
export const startScriptedSmsc = async (
  script: (peer: RawPeer) => void | Promise<void>,
  certificate?: Certificate,
): Promise<ScriptedSmsc> => {
  const connections: RawPeer[] = []
  const server: Server =
    certificate === undefined
      ? createServer({ noDelay: true })
      : createTlsServer({ cert: certificate.cert, key: certificate.key })
  server.on(certificate === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    const peer = createRawPeer(socket)
    connections.push(peer)
    Promise.resolve(script(peer)).catch(() => undefined)
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    close: () => {
      server.close()
      for (const { socket } of connections) socket.destroy()
    },
  }
}

/** The answer that binds: system_id and sc_interface_version (SMPP 3.4 §4.1.2). */
export const bindAnswer = (request: Buffer, changes: { status?: number; body?: string } = {}) => {
  const { commandId, sequence } = readPdu(request)
  const { status = 0, body = 'far-smsc\0\x02\x10\0\x01\x34' } = changes
  return pdu((commandId | 0x80000000) >>> 0, sequence, body, { status })
}

/** Binds whoever asks and leaves the rest to `then`. */
export const binds =
  (then: (peer: RawPeer) => void | Promise<void> = () => undefined) =>
  async (peer: RawPeer): Promise<void> => {
    const request = await peer.next()
    if (readPdu(request).commandId === commands.unbind) return
    peer.send(bindAnswer(request))
    await then(peer)
  }
