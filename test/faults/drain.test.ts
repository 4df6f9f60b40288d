import { Agent, request as call } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { alice, good, head, prime, startPair, type Pair } from '../support/pair.ts'
import { openRawClient } from '../support/raw-client.ts'
import { statusesIn } from '../support/raw.ts'
import { startWebSocketUpstream, upgrade } from '../support/websocket.ts'

const open = async (options: Parameters<typeof startPair>[0] = {}): Promise<Pair> => {
  const pair = await startPair(options)
  onTestFinished(() => pair.stop())
  await prime(pair)
  return pair
}
const timed = async (work: Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work
  return performance.now() - began
}
/** How it went with one request: its status when it was answered whole, else why not. */
const ask = (url: string, agent: Agent, body = ''): Promise<number | string> =>
  new Promise((resolve) => {
    const headers = { authorization: alice, 'content-length': body.length }
    const outgoing = call(url, { agent, headers, method: body === '' ? 'GET' : 'POST' })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message)
    })
    outgoing.on('response', (incoming) => {
      incoming.resume().on('error', () => {
        resolve('broken off')
      })
      incoming.on('end', () => {
        resolve(incoming.statusCode ?? 0)
      })
    })
    outgoing.end(body)
  })

describe('a gateway that stops', () => {
  it('under load answers all that it took, and takes nothing that it does not answer', async () => {
    const pair = await open({
      answer: (_, outgoing) => setTimeout(() => outgoing.end('ok'), 10),
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 20 })
    const results: (number | string)[] = []
    let isOver = false
    const before = pair.upstream.seen.length
    const load = Array.from({ length: 20 }, async (_, client) => {
      for (let i = 0; !isOver; i++) {
        const result = await ask(
          `${pair.gateway.url}/${client}/${i}`,
          agent,
          i % 2 === 0 ? '' : 'body',
        )
        results.push(result)
        if (result !== 200) break
      }
    })
    await expect.poll(() => results.length).toBeGreaterThan(200)
    expect(await timed(pair.gateway.stop())).toBeLessThan(5_000)
    isOver = true
    await Promise.all(load)
    agent.destroy()
    const answered = results.filter((result) => result === 200).length
    expect(new Set(results)).not.toContain('broken off')
    expect(pair.upstream.seen.length - before).toBe(answered)
    expect(results.length - answered).toBeGreaterThan(0)
  })

  it('takes no new connection, and no new request on an old one, while an answer is on its way', async () => {
    let answer = (): void => undefined
    const pair = await open({
      answer: (seen, outgoing) => {
        if (seen.url === '/slow') answer = () => outgoing.end('at last')
        else outgoing.end('ok')
      },
    })
    const idle = await openRawClient(pair.gateway.port)
    idle.send(good('/1'))
    await idle.until((text) => statusesIn(text).length === 1)
    const busy = await openRawClient(pair.gateway.port)
    busy.send(good('/slow'))
    await expect.poll(() => pair.upstream.seen.at(-1)?.url).toBe('/slow')
    const stopping = pair.gateway.stop()
    busy.send(good('/behind'))
    idle.send(good('/late'))
    await idle.closed()
    expect(statusesIn(idle.text())).toEqual([200])
    const late = connect(pair.gateway.port, '127.0.0.1')
    expect(await new Promise((resolve) => late.on('error', resolve))).toMatchObject({
      code: 'ECONNREFUSED',
    })
    answer()
    expect(await busy.closed()).toMatch(/^HTTP\/1\.1 200 [^]*connection: close[^]*at last/i)
    expect(await timed(stopping)).toBeLessThan(3_000)
    expect(pair.upstream.seen.map(({ url }) => url)).not.toContain('/late')
    expect(pair.upstream.seen.map(({ url }) => url)).not.toContain('/behind')
  })

  it('reads an upload that has begun to its end', async () => {
    const pair = await open()
    const client = await openRawClient(pair.gateway.port)
    client.send(head('POST /up', `Authorization: ${alice}\nContent-Length: 200000`))
    client.send('x'.repeat(100_000))
    await expect.poll(() => pair.gateway.core.live.size('http')).toBe(1)
    const stopping = pair.gateway.stop()
    client.send('x'.repeat(100_000))
    expect(statusesIn(await client.closed())).toEqual([200])
    await stopping
    expect(pair.upstream.seen.at(-1)?.body.length).toBe(200_000)
  })

  it('cuts in time what does not end, and says why', async () => {
    const webSockets = await startWebSocketUpstream()
    const pair = await open({
      file: { limits: { drainMs: 1_000 } },
      listener: ({ url }, outgoing) => {
        if (url === '/endless') outgoing.write('x')
        else if (url !== '/silent') outgoing.end('ok')
      },
      routes: (url) => [
        { path: '/', upstream: [url] },
        { path: '/ws', upstream: [webSockets.url] },
      ],
    })
    const silent = await openRawClient(pair.gateway.port)
    silent.send(good('/silent'))
    const endless = await openRawClient(pair.gateway.port)
    endless.send(good('/endless'))
    await endless.until((text) => text.includes('x'))
    const half = await openRawClient(pair.gateway.port)
    half.send('GET / HTTP/1.1\r\n')
    const tunnel = await upgrade(`${pair.gateway.url}/ws`, { authorization: alice })
    const gone = new Promise((resolve) => tunnel?.socket?.resume().on('close', resolve))
    expect(await timed(pair.gateway.stop())).toBeLessThan(1_500)
    expect(statusesIn(await silent.closed())).toEqual([503])
    expect(await endless.closed()).not.toMatch(/\r\n0\r\n\r\n$/)
    await half.closed()
    await gone
    await webSockets.stop()
  })

  it('with nothing to wait for stops at once, idle connections or not', async () => {
    const pair = await open()
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => openRawClient(pair.gateway.port)),
    )
    for (const client of clients) client.send(good('/'))
    for (const client of clients) await client.until((text) => statusesIn(text).length === 1)
    expect(await timed(pair.gateway.stop())).toBeLessThan(1_000)
    for (const client of clients) await client.closed()
  })
})
