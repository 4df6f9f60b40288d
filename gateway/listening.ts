import type { AddressInfo, Server } from 'node:net'
import type { Endpoint } from './endpoint.ts'

const why: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'the port may not be opened by this user',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'the host is not known',
}

/** `host:port`, with brackets for IPv6. */
export const writeEndpoint = ({ host, port }: Endpoint): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/**
 * Listens, and answers where; throws one clear line that names the setting. Several workers share a
 * listener, unless it is `exclusive`.
 */
export const listen = async (
  server: Server,
  setting: string,
  at: Endpoint,
  exclusive = false,
): Promise<Endpoint> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = why[error.code ?? ''] ?? error.message
      reject(new Error(`${setting} ${writeEndpoint(at)}: ${reason}`, { cause: error }))
    })
    server.listen({ ...at, exclusive }, resolve)
  })
  server.removeAllListeners('error')
  const { address, port } = server.address() as AddressInfo
  return { host: address, port }
}
