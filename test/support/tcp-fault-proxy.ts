import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/**
 * What the proxy does: passes all on, later by so many ms, or nothing at all (the blackhole), only
 * what goes there and nothing of what comes back, or cuts every connection.
 */
export type Fault =
  | { readonly kind: 'none' | 'blackhole' | 'swallow-replies' | 'reset' }
  | { readonly kind: 'slow'; readonly ms: number }

/** Stands between a client and a server, and spoils what goes through as it is told. */
export type FaultProxy = {
  readonly port: number
  readonly set: (fault: Fault) => void
  /** Cuts what is connected now; new connections are as the fault says. */
  readonly cut: () => void
  /** How many chunks from the server were kept back. */
  readonly swallowed: () => number
  readonly stop: () => Promise<void>
}

export const startFaultProxy = async (serverPort: number): Promise<FaultProxy> => {
  let fault: Fault = { kind: 'none' }
  let swallowed = 0
  const sockets = new Set<Socket>()

  const pass = (from: Socket, to: Socket, isReply: boolean): void => {
    from.on('data', (chunk) => {
      if (fault.kind === 'blackhole') return
      if (isReply && fault.kind === 'swallow-replies') {
        swallowed++
        return
      }
      const write = (): void => {
        if (!to.destroyed) to.write(chunk)
      }
      if (fault.kind === 'slow' && isReply) setTimeout(write, fault.ms)
      else write()
    })
    from.on('error', () => undefined)
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
    sockets.add(from)
  }
  const server = createServer({ noDelay: true }, (near) => {
    if (fault.kind === 'reset') {
      near.on('error', () => undefined)
      near.resetAndDestroy()
      return
    }
    const far = connect({ port: serverPort, host: '127.0.0.1', noDelay: true })
    pass(near, far, false)
    pass(far, near, true)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      fault = next
      if (next.kind === 'reset') cut()
    },
    cut,
    swallowed: () => swallowed,
    stop: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
