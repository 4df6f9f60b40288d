import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { Exchanger, HttpRequest } from '../../../gateway/http/exchanger.ts'
import { createFieldUses } from '../../../gateway/http/fields.ts'
import { createServerConnection } from '../../../gateway/http/server-connection.ts'

/** A connection of two real sockets; what comes is handed to the server's end by the test. */
const open = async (onRequest: (exchanger: Exchanger, request: HttpRequest) => void) => {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(listener, 'connection')) as [Socket]
  onTestFinished(() => {
    client.destroy()
    socket.destroy()
    listener.close()
  })
  const faults: string[] = []
  createServerConnection(socket, {
    limits: { headerBytes: 16_384, headerTimeoutMs: 10_000, idleTimeoutMs: 10_000 },
    useOf: createFieldUses(),
    elapsed: () => performance.now(),
    date: () => 'Thu, 01 Jan 2026 00:00:00 GMT',
    onRequest,
    onFault: (exchanger, fault) => {
      faults.push(fault)
      exchanger.respond({ status: 400, lines: '', hasDate: false, framing: 0 }, true)
      exchanger.end()
    },
  })
  return { client, socket, faults, come: (text: string) => socket.emit('data', Buffer.from(text)) }
}

const ok = { status: 200, lines: 'Content-Length: 0\r\n', hasDate: false, framing: 0 } as const
const answer = (exchanger: Exchanger): void => {
  exchanger.respond(ok, false)
  exchanger.end()
}

test('empty lines that begin a body stay in it, whatever else is pending', async () => {
  const bodies: string[] = []
  let last: Exchanger | undefined
  const { come } = await open((exchanger, { target }) => {
    if (target === '/mine') last = exchanger
    else answer(exchanger)
  })
  // A request behind the discarded rest of another: its turn is pending when the body comes.
  come('POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n')
  come('body' + 'POST /mine HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n')
  come('\r\n\r\n\r\nEND')
  await new Promise((resolve) => setImmediate(resolve))
  last?.read({
    data: (chunk) => bodies.push(chunk.toString()),
    end: () => bodies.push('.'),
    broken: () => bodies.push('broken'),
  })
  expect(bodies.join('')).toBe('\r\n\r\nEND.')
})

test('a client that does not read its answers gets no further ones', async () => {
  let served = 0
  const { client, come } = await open((exchanger) => {
    served += 1
    exchanger.respond({ ...ok, lines: 'Content-Length: 65536\r\n', framing: 65_536 }, false)
    exchanger.end(Buffer.alloc(65_536))
  })
  client.pause()
  come('GET /a HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(500))
  for (let turn = 0; turn < 2_000; turn++) await new Promise((resolve) => setImmediate(resolve))
  // 500 answers are 32 MiB; what kernel and socket hold of them is a part of that.
  expect(served).toBeLessThan(400)
  client.resume()
  let octets = 0
  for await (const chunk of client) {
    octets += (chunk as Buffer).length
    if (octets > 500 * 65_536) break
  }
  expect(served).toBe(500)
})

test('a chunked request is served whose client has ended its side behind it', async () => {
  const bodies: string[] = []
  const { socket, come } = await open((exchanger) => {
    setImmediate(() => {
      exchanger.read({
        data: (chunk) => bodies.push(chunk.toString()),
        end: () => {
          bodies.push('.')
          answer(exchanger)
        },
        broken: () => bodies.push('broken'),
      })
    })
  })
  come('POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
  socket.emit('end')
  await once(socket, 'finish')
  expect(bodies).toEqual(['abc', '.'])
})

test('a head that comes octet by octet is read once it is whole', async () => {
  const targets: string[] = []
  const { come, faults } = await open((exchanger, { target }) => {
    targets.push(target)
    answer(exchanger)
  })
  for (const octet of '\r\nGET /slow HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n') come(octet)
  expect([targets, faults]).toEqual([['/slow'], []])
  for (const octet of 'GET /b HTTP/1.1\nHost: h') come(octet)
  expect(faults).toEqual(['request-malformed'])
})
