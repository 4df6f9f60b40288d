import type { Socket } from 'node:net'
import type { Exchanger } from './exchanger.ts'
import type { Reason } from '../../policies/reasons.ts'
import type { Exchange } from './relay.ts'
import type { ResponseHead } from './response-head.ts'

export type TunnelParts = {
  readonly exchanger: Exchanger
  readonly head: ResponseHead
  readonly upstream: Socket
  /** What the upstream sent behind its head. */
  readonly rest: Buffer
  readonly decisionId: string
  /** Records why it was cut. */
  readonly record: (reason: Reason) => void
  readonly ended: (status: number) => void
}

const switchingHead = ({ head, decisionId }: TunnelParts): string =>
  `HTTP/1.1 101 ${head.reason}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${head.lines}` +
  `x-sallyport-decision: ${decisionId}\r\n\r\n`

const KEEP_ALIVE_MS = 30_000

/** How long one side may take nothing of what the other has left for it. */
const LINGER_MS = 10_000

/** Joins both sockets after 101, as they are, until either ends or the tunnel is cut. */
export const createTunnel = (parts: TunnelParts): Exchange => {
  const { exchanger, upstream } = parts
  const client = exchanger.socket
  const early = exchanger.detach()
  let over = false
  const cut = (reason?: Reason): void => {
    if (over) return
    over = true
    if (reason !== undefined) parts.record(reason)
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
    side.setTimeout(LINGER_MS, lose)
    side.end()
  }
  const lose = (): void => {
    cut()
  }
  client.on('close', endAfter(upstream)).on('error', lose)
  upstream.on('close', endAfter(client)).on('error', lose)
  // A tunnel may be silent for long; a peer that has vanished is found out by the kernel.
  for (const side of [client, upstream]) {
    side.setTimeout(0)
    side.setKeepAlive(true, KEEP_ALIVE_MS)
  }
  client.write(switchingHead(parts), 'latin1')
  if (parts.rest.length > 0) client.write(parts.rest)
  if (early.length > 0) upstream.write(early)
  client.pipe(upstream)
  upstream.pipe(client)
  return { cut }
}
