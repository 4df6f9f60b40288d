import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import {
  createUpstreamConnection,
  type ResponseSink,
} from '../../../gateway/http/upstream-connection.ts'

const silent: ResponseSink = {
  method: 'GET',
  head: () => undefined,
  data: () => undefined,
  end: () => undefined,
  interim: () => undefined,
  switched: () => undefined,
  fault: () => undefined,
}

/** A connection, the upstream's end of it, and whether it was paused when it became idle. */
const open = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [upstream] = await accepted
  onTestFinished(() => {
    socket.destroy()
    upstream.destroy()
    server.close()
  })
  const idle = Promise.withResolvers<boolean>()
  const connection = createUpstreamConnection(socket, {
    idle: () => {
      idle.resolve(socket.isPaused())
    },
    gone: () => undefined,
  })
  return { connection, upstream, isPausedWhenIdle: idle.promise }
}

test('a connection that was held back until the end of an answer is let go for the next', async () => {
  const { connection, upstream, isPausedWhenIdle } = await open()
  const sink: ResponseSink = {
    ...silent,
    head: () => upstream.write('the whole body'),
    data: () => connection.socket.pause(),
  }
  connection.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n', sink, { bodyFollows: false, isLast: false })
  upstream.write('HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n')
  expect(await isPausedWhenIdle).toBe(false)
})
