import { createServer, type AddressInfo, type Socket } from 'node:net'

/** One request as a scripted upstream meets it: its head has come, its body may not have. */
export type Scripted = {
  readonly head: string
  readonly socket: Socket
  /** How many requests came on this connection before. */
  readonly before: number
  /** Writes octets (`latin1`; `\n` stands for CRLF). */
  readonly say: (text: string) => void
}

export type ScriptedUpstream = {
  readonly url: string
  readonly port: number
  readonly heads: readonly string[]
  readonly sockets: readonly Socket[]
  /** Octets that came, heads included. */
  readonly octets: () => number
  readonly stop: () => Promise<void>
}

/** An upstream that does with each request what a script says, to the octet. */
export const startScriptedUpstream = async (
  script: (request: Scripted) => void,
): Promise<ScriptedUpstream> => {
  const heads: string[] = []
  const sockets: Socket[] = []
  let octets = 0
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket)
    let held = ''
    let before = 0
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      octets += chunk.length
      // Bodies are not kept: what begins like a request line begins a request.
      held = (held + chunk.toString('latin1')).slice(-100_000)
      const found = /([A-Z]+ \S+ HTTP\/1\.1\r\n[^]*?)\r\n\r\n/.exec(held)
      if (found?.[1] === undefined) return
      held = held.slice(found.index + found[0].length)
      heads.push(found[1])
      const say = (text: string): void => void socket.write(text.replaceAll('\n', '\r\n'), 'latin1')
      script({ head: found[1], socket, before: before++, say })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    heads,
    sockets,
    octets: () => octets,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
