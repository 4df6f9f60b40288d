import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import type { Exchanger } from '../../../gateway/http/exchanger.ts'
import { createTunnel } from '../../../gateway/http/tunnel.ts'

/** A socket that takes what is written to it one piece at a time, when it is told to. */
const createSlowSocket = () => {
  const taken: string[] = []
  let take = (): void => undefined
  const duplex = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      take = () => {
        taken.push(chunk.toString())
        done()
      }
    },
  })
  const socket = Object.assign(duplex, {
    setTimeout: () => undefined,
    setKeepAlive: () => undefined,
  }) as unknown as Socket
  return {
    socket,
    taken,
    take: () => {
      take()
    },
  }
}

const open = () => {
  const client = createSlowSocket()
  const upstream = createSlowSocket()
  const ended: number[] = []
  const exchanger = { socket: client.socket, detach: () => Buffer.alloc(0) } as unknown as Exchanger
  const tunnel = createTunnel({
    exchanger,
    head: {
      status: 101,
      reason: 'Switching Protocols',
      lines: '',
      hasDate: false,
      framing: 0,
      keepAlive: true,
      idleSeconds: undefined,
    },
    upstream: upstream.socket,
    rest: Buffer.alloc(0),
    decisionId: 'id',
    record: () => undefined,
    ended: (status) => ended.push(status),
  })
  client.take()
  return { client, upstream, tunnel, ended }
}

test('what is on its way to the client still arrives when the upstream has closed', async () => {
  const { client, upstream, ended } = open()
  upstream.socket.push('one')
  await new Promise(setImmediate)
  upstream.socket.push('two')
  upstream.socket.push(null)
  await once(upstream.socket, 'end')
  upstream.socket.destroy()
  await once(upstream.socket, 'close')
  client.take()
  await new Promise(setImmediate)
  client.take()
  await once(client.socket, 'finish')
  expect(client.taken.slice(1)).toEqual(['one', 'two'])
  expect(ended).toEqual([])
  client.socket.destroy()
  await once(client.socket, 'close')
  expect(ended).toEqual([101])
})

test.each(['client', 'upstream'] as const)(
  'a %s that breaks off takes the other with it',
  async (side) => {
    const tunnel = open()
    tunnel[side].socket.destroy(new Error('reset'))
    await once(tunnel[side === 'client' ? 'upstream' : 'client'].socket, 'close')
    expect(tunnel.ended).toEqual([101])
  },
)

test('a tunnel that is cut is gone at once, whatever is on its way', async () => {
  const { client, upstream, tunnel, ended } = open()
  upstream.socket.push('one')
  await new Promise(setImmediate)
  tunnel.cut('user-disabled')
  expect([client.socket.destroyed, upstream.socket.destroyed]).toEqual([true, true])
  expect(ended).toEqual([101])
})
