import { request as call, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alice, good, head, prime, startPair, type Pair } from '../support/pair.ts'
import { openRawClient } from '../support/raw-client.ts'
import { statusesIn } from '../support/raw.ts'
import {
  startScriptedUpstream,
  type Scripted,
  type ScriptedUpstream,
} from '../support/scripted-upstream.ts'

let scripted: ScriptedUpstream
let pair: Pair
let script: (request: Scripted) => void

beforeAll(async () => {
  scripted = await startScriptedUpstream((request) => {
    script(request)
  })
  pair = await startPair({ routes: () => [{ path: '/', upstream: [scripted.url] }] })
})
afterAll(async () => {
  await pair.stop()
  await scripted.stop()
})
beforeEach(async () => {
  script = ({ say }) => {
    say('HTTP/1.1 200 OK\nContent-Length: 2\n\nok')
  }
  await prime(pair)
})

const close = 'Connection: close'
const post = (fields: string): string => head('POST /', `Authorization: ${alice}\n${fields}`)

describe('an answer that comes before the upload is whole', () => {
  const big = 30_000_000
  const send = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const outgoing = call(`${pair.gateway.url}${path}`, {
        method: 'POST',
        headers: { authorization: alice, 'content-length': big },
      })
      outgoing.on('response', resolve).on('error', reject)
      outgoing.write(Buffer.alloc(big / 2))
    })

  it('reaches the client, and the rest of the upload is not waited for', async () => {
    script = ({ say }) => {
      say('HTTP/1.1 413 Too Large\nContent-Length: 4\n\nmuch')
    }
    const incoming = await send('/early')
    expect(incoming.statusCode).toBe(413)
    expect(incoming.headers.connection).toBe('close')
    expect(await incoming.setEncoding('latin1').toArray()).toEqual(['much'])
  })

  it('and what follows on that connection is no request', async () => {
    script = ({ say }) => {
      say('HTTP/1.1 413 Too Large\nContent-Length: 0\n\n')
    }
    const before = scripted.heads.length
    const client = await openRawClient(pair.gateway.port)
    client.send(post('Content-Length: 100000'))
    await client.until((text) => statusesIn(text).length > 0)
    client.send(good('/smuggled'))
    expect(statusesIn(await client.closed())).toEqual([413])
    expect(scripted.heads.length).toBe(before + 1)
  })

  it('a small rest is read, and the connection goes on', async () => {
    script = ({ say }) => {
      say('HTTP/1.1 422 No\nContent-Length: 0\n\n')
    }
    const client = await openRawClient(pair.gateway.port)
    client.send(post('Content-Length: 100'))
    await client.until((text) => statusesIn(text).length === 1)
    client.send('x'.repeat(100) + good('/', close))
    expect(statusesIn(await client.closed())).toEqual([422, 422])
    expect(scripted.heads.at(-1)).toMatch(/^GET \/ /)
  })
})
