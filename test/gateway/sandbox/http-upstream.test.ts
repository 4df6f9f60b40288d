import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { createSampleUpstream } from '../../../gateway/sandbox/http-upstream.ts'

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

const server = createSampleUpstream(() => 'an id')

afterEach(() => {
  vi.restoreAllMocks()
  server.close()
})

test.each(['/echo', '/sms/3/messages'])(
  'a client that goes before its body is there prints nothing: %s',
  async (path) => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n`
    socket.write(`${head}half`)
    const [request] = (await once(server, 'request')) as [IncomingMessage]
    await settled()
    const closed = new Promise((resolve) => request.socket.once('close', resolve))
    socket.destroy()
    await closed
    await settled()
    expect(printed).not.toHaveBeenCalled()
  },
)
