import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { WireFault } from '../../../policies/facts.ts'
import type { Exchanger } from '../../../gateway/http/exchanger.ts'
import { createFieldUses } from '../../../gateway/http/fields.ts'
import { createServerConnection } from '../../../gateway/http/server-connection.ts'

const limits = { headerBytes: 1_000, headerTimeoutMs: 10_000, idleTimeoutMs: 60_000 }

/** A connection whose client takes what is written to it when it is told to; time goes by hand. */
const open = () => {
  const written: string[] = []
  const untaken: (() => void)[] = []
  let taken = 0
  const duplex = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      written.push(chunk.toString())
      untaken.push(() => {
        taken += chunk.length
        done()
      })
    },
  })
  Object.defineProperty(duplex, 'bytesWritten', { get: () => taken + duplex.writableLength })
  const clock = { at: 0 }
  const requests: string[] = []
  const faults: WireFault[] = []
  let exchanger: Exchanger | undefined
  const answer = (close = false, body: readonly string[] = ['ok']): void => {
    exchanger?.respond({ status: 200, lines: '', hasDate: true, framing: 2 }, close)
    for (const part of body) exchanger?.write(Buffer.from(part))
    exchanger?.end()
  }
  const connection = createServerConnection(duplex as unknown as Socket, {
    limits,
    useOf: createFieldUses(),
    elapsed: () => clock.at,
    date: () => 'today',
    onRequest: (of, { target }) => {
      exchanger = of
      requests.push(target)
    },
    onFault: (of, fault) => {
      exchanger = of
      faults.push(fault)
      answer(true)
    },
  })
  return {
    connection,
    requests,
    faults,
    answer,
    /** Lets time go by, looking on the way as a server does. */
    pass: (ms: number) => {
      for (const end = clock.at + ms; clock.at < end;) connection.look((clock.at += 500))
    },
    send: async (text: string) => {
      duplex.push(text)
      await new Promise(setImmediate)
    },
    /** The client takes so many pieces of what was written, else all. */
    take: async (pieces = Infinity) => {
      for (let i = 0; i < pieces && untaken.length > 0; i++) {
        untaken.shift()?.()
        await new Promise(setImmediate)
      }
    },
    isOpen: () => !duplex.destroyed,
    written: () => written.join(''),
  }
}
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`

describe('a connection is closed in time', () => {
  it('where nothing comes', () => {
    const { pass, isOpen } = open()
    pass(9_500)
    expect(isOpen()).toBe(true)
    pass(500)
    expect(isOpen()).toBe(false)
  })

  it.each([
    ['a head', 'GET / HTTP/1.1\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaa'],
    ['empty lines', '\r\n'.repeat(20)],
  ])('where %s comes octet by octet', async (_, octets) => {
    const { send, pass, isOpen, take, requests } = open()
    for (const octet of octets) {
      await send(octet)
      pass(500)
      await take()
    }
    expect(isOpen()).toBe(false)
    expect(requests).toEqual([])
  })

  it('where a head that has begun does not end, and is told so', async () => {
    const { send, pass, faults, answer, take } = open()
    await send(get('/1'))
    pass(100_000)
    answer()
    await take()
    pass(50_000)
    await send('GET')
    pass(9_500)
    expect(faults).toEqual([])
    pass(500)
    expect(faults).toEqual(['request-timeout'])
  })

  it('where no next request comes', async () => {
    const { send, pass, answer, take, isOpen } = open()
    await send(get('/1'))
    answer()
    await take()
    pass(59_500)
    expect(isOpen()).toBe(true)
    pass(500)
    expect(isOpen()).toBe(false)
  })

  it('where a refused body of no great length does not come', async () => {
    const { send, pass, answer, take, isOpen, requests } = open()
    await send('POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n')
    answer()
    await take()
    for (let i = 0; i < 19; i++) {
      await send('x')
      pass(500)
    }
    expect(isOpen()).toBe(true)
    pass(500)
    expect([isOpen(), requests]).toEqual([false, ['/1']])
  })

  it.each([
    ['as a last answer', true],
    ['as any answer', false],
  ])('where nobody takes what was written, %s', async (_, close) => {
    const { send, pass, answer, isOpen } = open()
    await send(get('/1'))
    answer(close)
    pass(60_000)
    expect(isOpen()).toBe(true)
    pass(1_000)
    expect(isOpen()).toBe(false)
  })
})

describe('a connection stays', () => {
  it('as long as a request is being served', async () => {
    const { send, pass, isOpen } = open()
    await send(get('/1'))
    pass(1_000_000)
    expect(isOpen()).toBe(true)
  })

  it('until a slow client has taken all of its last answer, if it takes some now and then', async () => {
    const { send, pass, isOpen, take, answer } = open()
    await send(get('/1'))
    answer(true, ['one', 'two', 'three'])
    for (let i = 0; i < 4; i++) {
      pass(50_000)
      expect(isOpen()).toBe(true)
      await take(1)
    }
    pass(2_500)
    expect(isOpen()).toBe(false)
  })
})

describe('a draining connection', () => {
  it('answers what is under way, and closes', async () => {
    const { connection, send, answer, take, requests, written } = open()
    await send(get('/1'))
    connection.drain()
    expect(connection.isServing()).toBe(true)
    answer()
    await take()
    await send(get('/2'))
    expect(written()).toContain('Connection: close\r\n')
    expect(requests).toEqual(['/1'])
  })

  it('takes no request that comes when it was idle', async () => {
    const { connection, send, requests } = open()
    connection.drain()
    await send(get('/1'))
    expect(requests).toEqual([])
    expect(connection.isServing()).toBe(false)
  })
})
