import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the upstream saw it. */
export type Seen = {
  readonly method: string
  readonly url: string
  /** Names in lower case; a doubled field is joined by `, `. */
  readonly fields: Readonly<Record<string, string>>
  readonly rawHeaders: readonly string[]
  readonly body: string
}

export type TestUpstream = {
  readonly url: string
  readonly port: number
  readonly server: Server
  readonly seen: readonly Seen[]
  readonly stop: () => Promise<void>
}

const fieldsOf = (rawHeaders: readonly string[]): Record<string, string> => {
  const fields: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    fields[name] = name in fields ? `${fields[name] ?? ''}, ${value}` : value
  }
  return fields
}

const record = async (incoming: IncomingMessage): Promise<Seen> => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { method = '', url = '', rawHeaders } = incoming
  const body = Buffer.concat(chunks).toString('latin1')
  return { method, url, rawHeaders, fields: fieldsOf(rawHeaders), body }
}

const ok = (_: Seen, outgoing: ServerResponse): void => {
  outgoing.writeHead(200, { 'content-type': 'application/json' })
  outgoing.end('{"ok":true}')
}

/** A recording upstream on a free port; `answer` replies once the request has been read whole. */
export const startUpstream = async (
  answer: (seen: Seen, outgoing: ServerResponse) => void = ok,
  listener?: RequestListener,
): Promise<TestUpstream> => {
  const seen: Seen[] = []
  const server = createServer(
    listener ??
      ((incoming, outgoing) => {
        record(incoming).then(
          (request) => {
            seen.push(request)
            answer(request, outgoing)
          },
          () => outgoing.destroy(),
        )
      }),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    seen,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
