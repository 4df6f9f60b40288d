import { describe, expect, it } from 'vitest'
import { mapBindRequest } from '../../../gateway/smpp/bind-request.ts'
import { commands, statuses } from '../../../gateway/smpp/constants.ts'
import { pdu } from '../../support/pdu.ts'
import { createRawPeer } from '../../support/raw-peer.ts'
import { bindAnswer, binds } from '../../support/scripted-smsc.ts'
import {
  type Result,
  authority,
  bind,
  bound,
  certificate,
  closed,
  closedPort,
  request,
  start,
  upstreamBinds,
} from '../../support/upstream-binds.ts'

describe('a bind upstream', () => {
  it('sends the client’s own octets and hands the answer over as it came', async () => {
    const asked: Buffer[] = []
    const answer = bindAnswer(request.pdu)
    const smsc = await start(async (peer) => {
      asked.push(await peer.next())
      for (const octet of answer) {
        peer.send(Buffer.of(octet))
        await new Promise(setImmediate)
      }
    })
    const { response } = await bound(upstreamBinds([{ port: smsc.port }]))
    expect(asked).toEqual([request.pdu])
    expect(response).toEqual(answer)
  })

  it('leaves what the SMSC sends behind its answer in the socket', async () => {
    const behind = Buffer.concat([pdu(commands.deliver_sm, 1, 'text'), pdu(0x80000009, 1)])
    const smsc = await start(async (peer) => {
      peer.send(bindAnswer(await peer.next()), behind)
    })
    const { socket, response } = await bound(upstreamBinds([{ port: smsc.port }]))
    expect(response).toEqual(bindAnswer(request.pdu))
    const rest = createRawPeer(socket)
    socket.resume()
    expect(await rest.take(behind.length)).toEqual(behind)
  })

  it('maps credentials and nothing else', async () => {
    const credentials = { systemId: 'platform', password: 'upstream' }
    const asked: Buffer[] = []
    const smsc = await start(async (peer) => {
      asked.push(await peer.next())
      peer.send(bindAnswer(asked[0] ?? request.pdu))
    })
    await bound(upstreamBinds([{ port: smsc.port, credentials }]))
    expect(asked).toEqual([mapBindRequest(request, credentials)])
  })

  it('over TLS trusts the authority that it is given', async () => {
    const smsc = await start(binds(), certificate)
    const tls = { ca: authority.cert }
    const { response } = await bound(upstreamBinds([{ port: smsc.port, tls }]))
    expect(response).toEqual(bindAnswer(request.pdu))
  })

  it('that is given up calls back never, closes, and tells when it has', async () => {
    const smsc = await start(async (peer) => {
      await peer.next()
    })
    const { binds: made } = upstreamBinds([{ port: smsc.port }])
    const called: Result[] = []
    const giveUp = made.bind(request, (result) => called.push(result))
    while (smsc.connections[0]?.untaken().length !== 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await new Promise(giveUp)).toBe(true)
    await closed(smsc.connections[0])
    expect(called).toEqual([])
  })

  it('that is given up before it is sent says so', async () => {
    const { binds: made } = upstreamBinds([{ port: await closedPort() }])
    const giveUp = made.bind(request, () => undefined)
    expect(await new Promise(giveUp)).toBe(false)
  })
})

describe('several upstreams', () => {
  it('are tried in their order until one gives an answer', async () => {
    const smsc = await start(binds())
    const port = await closedPort()
    const tried = upstreamBinds([{ port }, { port: smsc.port }])
    await bound(tried)
    expect(tried.failures).toMatchObject([[port, { reason: 'upstream-unreachable' }]])
  })

  it('share the deadline, so that a black hole leaves time for the next', async () => {
    const [hole, smsc] = [await start(() => undefined), await start(binds())]
    const startedAt = performance.now()
    await bound(upstreamBinds([{ port: hole.port }, { port: smsc.port }], { deadlineMs: 600 }))
    expect(performance.now() - startedAt).toBeGreaterThan(250)
  })

  it('are not asked further once one has refused', async () => {
    const smsc = await start(async (peer) => {
      peer.send(bindAnswer(await peer.next(), { status: statuses.ESME_RBINDFAIL }))
    })
    const second = await start(binds())
    const result = await bind(upstreamBinds([{ port: smsc.port }, { port: second.port }]))
    expect(result).toMatchObject({ reason: 'upstream-refused-bind', isFinal: true })
    expect(second.connections).toHaveLength(0)
  })

  it('that failed come last for a while', async () => {
    let now = 0
    const [port, smsc] = [await closedPort(), await start(binds())]
    const tried = upstreamBinds([{ port }, { port: smsc.port }], { elapsed: () => now })
    for (const at of [0, 999, 1_000]) {
      now = at
      await bound(tried)
    }
    expect(tried.failures.map(([failed]) => failed)).toEqual([port, port])
    expect(smsc.connections).toHaveLength(3)
  })

  it('that hang up on a bind keep their place: it may have been that bind', async () => {
    const first = await start(async (peer) => {
      const body = await peer.next()
      if (body.includes('VMA')) peer.socket.destroy()
      else peer.send(bindAnswer(body))
    })
    const second = await start(binds())
    const tried = upstreamBinds([{ port: first.port }, { port: second.port }])
    for (const times of [1, 2]) {
      await bound(tried)
      expect([first.connections.length, second.connections.length]).toEqual([times, times])
    }
  })

  it('that all fail fail with the reason of the last', async () => {
    const hole = await start(() => undefined)
    const tried = upstreamBinds([{ port: await closedPort() }, { port: hole.port }])
    expect(await bind(tried)).toMatchObject({ reason: 'upstream-timeout' })
    expect(tried.failures).toHaveLength(2)
  })
})
