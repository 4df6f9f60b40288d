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
  client.on('close', cut).on('error', cut)
  upstream.on('close', cut).on('error', cut)
  client.setTimeout(0)
  upstream.setTimeout(0)
  client.write(switchingHead(parts), 'latin1')
  if (parts.rest.length > 0) client.write(parts.rest)
  if (early.length > 0) upstream.write(early)
  client.pipe(upstream)
  upstream.pipe(client)
  return { cut }
}
