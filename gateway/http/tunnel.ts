import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange } from './relay.ts'
import type { ResponseHead } from './response-head.ts'

export type TunnelParts = {
  /** The response object that stood for the client's socket; it lets go of it now. */
  readonly outgoing: ServerResponse
  readonly head: ResponseHead
  readonly upstream: Socket
  /** What the upstream sent behind its head. */
  readonly rest: Buffer
  readonly decisionId: string
  readonly ended: () => void
}

const switchingHead = ({ head, decisionId }: TunnelParts): string => {
  let lines = `HTTP/1.1 101 ${head.reason}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
  for (let i = 0; i < head.fields.length; i += 2)
    lines += `${head.fields[i] ?? ''}: ${head.fields[i + 1] ?? ''}\r\n`
  return `${lines}x-sallyport-decision: ${decisionId}\r\n\r\n`
}

/** Joins both sockets after 101, as they are, until either ends or the tunnel is cut. */
export const createTunnel = (parts: TunnelParts): Exchange => {
  const { outgoing, upstream, rest } = parts
  const client = outgoing.socket
  if (client === null) {
    upstream.destroy()
    parts.ended()
    return { cut: () => undefined }
  }
  outgoing.detachSocket(client)
  let over = false
  const cut = (): void => {
    if (over) return
    over = true
    client.destroy()
    upstream.destroy()
    parts.ended()
  }
  client.on('close', cut).on('error', cut)
  upstream.on('close', cut).on('error', cut)
  client.setTimeout(0)
  upstream.setTimeout(0)
  client.write(switchingHead(parts), 'latin1')
  if (rest.length > 0) client.write(rest)
  client.pipe(upstream)
  upstream.pipe(client)
  return { cut }
}
