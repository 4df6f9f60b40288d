import type { Socket } from 'node:net'
import type { Exchanger } from './exchanger.ts'
import type { Exchange } from './relay.ts'
import type { ResponseHead } from './response-head.ts'

export type TunnelParts = {
  readonly exchanger: Exchanger
  readonly head: ResponseHead
  readonly upstream: Socket
  /** What the upstream sent behind its head. */
  readonly rest: Buffer
  readonly decisionId: string
  readonly ended: (status: number) => void
}

const switchingHead = ({ head, decisionId }: TunnelParts): string =>
  `HTTP/1.1 101 ${head.reason}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${head.lines}` +
  `x-sallyport-decision: ${decisionId}\r\n\r\n`

/** How long one side may take nothing of what the other has left for it. */
const LINGER_MS = 10_000

/** Joins both sockets after 101, as they are, until either ends or the tunnel is cut. */
export const createTunnel = (parts: TunnelParts): Exchange => {
  const { exchanger, upstream } = parts
  const client = exchanger.socket
  const early = exchanger.detach()
  let over = false
  const cut = (): void => {
    if (over) return
    over = true
    client.destroy()
    upstream.destroy()
    parts.ended(101)
  }
  /** What is on its way to one side still gets there, as long as it is being taken. */
  const endAfter = (side: Socket) => (): void => {
    if (side.destroyed) {
      cut()
      return
    }
    side.setTimeout(LINGER_MS, cut)
    side.end()
  }
  client.on('close', endAfter(upstream)).on('error', cut)
  upstream.on('close', endAfter(client)).on('error', cut)
  client.setTimeout(0)
  upstream.setTimeout(0)
  client.write(switchingHead(parts), 'latin1')
  if (parts.rest.length > 0) client.write(parts.rest)
  if (early.length > 0) upstream.write(early)
  client.pipe(upstream)
  upstream.pipe(client)
  return { cut }
}
