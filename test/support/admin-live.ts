import { once } from 'node:events'
import { request as call, type IncomingMessage, type ServerResponse } from 'node:http'
import { startAdmin, type TestAdmin } from './admin.ts'
import type { RawPeer } from './raw-peer.ts'
import { startRecordingSmsc } from './recording-smsc.ts'
import { bound, shortEnds } from './smpp-pair.ts'
import { startUpstream } from './upstream.ts'

/** Something that is open until it is ended. */
export type OpenItem = { readonly ended: Promise<unknown>; readonly close: () => void }

/** An admin API in front of upstreams, so that its changes have something to end. */
export type LiveAdmin = TestAdmin & {
  /** A download that has begun and never ends by itself, from an address of the loopback. */
  readonly download: (authorization: string, from?: string, path?: string) => Promise<OpenItem>
  /** A bind that stands. */
  readonly bind: (username: string, password: string) => Promise<OpenItem>
}

/** A body that never ends. */
const drip = (_: IncomingMessage, outgoing: ServerResponse): void => {
  outgoing.flushHeaders()
  const timer = setInterval(() => outgoing.write('x'), 5)
  outgoing.on('close', () => {
    clearInterval(timer)
  })
}

const openDownload = async (
  url: string,
  authorization: string,
  localAddress: string,
): Promise<OpenItem> => {
  const outgoing = call(url, { headers: { authorization }, localAddress }).end()
  outgoing.on('error', () => undefined)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  if (incoming.statusCode !== 200) throw new Error(`no download: ${incoming.statusCode ?? 0}`)
  const ended = new Promise((resolve) => incoming.on('error', resolve).on('end', resolve).resume())
  return { ended, close: () => incoming.destroy() }
}

const openBind = (peer: RawPeer): OpenItem => ({
  ended: once(peer.socket, 'close'),
  close: () => peer.socket.destroy(),
})

/** Started, with a recording SMSC and an HTTP upstream that drips; `/sms` demands `sms/send`. */
export const startLiveAdmin = async (): Promise<LiveAdmin> => {
  const upstream = await startUpstream(undefined, drip)
  const smsc = await startRecordingSmsc()
  const server = await startAdmin({
    env: { HTTP_UPSTREAM: '', SMPP_UPSTREAM: `smpp://127.0.0.1:${smsc.port}` },
    file: {
      limits: { floorMs: 0 },
      smppLimits: { end: shortEnds },
      routes: [
        { path: '/', upstream: [upstream.url] },
        { path: '/sms', upstream: [upstream.url], permission: 'sms/send' },
      ],
    },
  })
  return {
    ...server,
    download: (authorization, from = '127.0.0.1', path = '/') =>
      openDownload(server.url + path, authorization, from),
    bind: async (username, password) =>
      openBind(await bound(server.smppPort, { username, password })),
    stop: async () => {
      await server.stop()
      smsc.close()
      await upstream.stop()
    },
  }
}
