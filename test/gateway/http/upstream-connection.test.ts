import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import {
  createUpstreamConnection,
  type ResponseSink,
} from '../../../gateway/http/upstream-connection.ts'

/** A connection to an upstream that answers everything with 1,000 octets, half of them later. */
const open = async () => {
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(500)}`)
        setImmediate(() => socket.write('x'.repeat(500)))
      })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  await once(socket, 'connect')
  const idle = Promise.withResolvers<boolean>()
  const connection = createUpstreamConnection(socket, {
    idle: () => {
      idle.resolve(socket.isPaused())
    },
    gone: () => undefined,
  })
  return { connection, isPausedWhenIdle: idle.promise }
}

const silent: ResponseSink = {
  method: 'GET',
  head: () => undefined,
  data: () => undefined,
  end: () => undefined,
  interim: () => undefined,
  switched: () => undefined,
  fault: () => undefined,
}

test('a connection that was held back until the end of an answer is let go for the next', async () => {
  const { connection, isPausedWhenIdle } = await open()
  let octets = 0
  const data = (chunk: Buffer): void => {
    octets += chunk.length
    if (octets === 1_000) connection.socket.pause()
  }
  connection.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n', { ...silent, data }, false)
  expect(await isPausedWhenIdle).toBe(false)
})
