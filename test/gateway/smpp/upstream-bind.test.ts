import { createServer, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  mapBindRequest,
  readBindRequest,
  type BindRequest,
} from '../../../gateway/smpp/bind-request.ts'
import { commands, GENERIC_NACK, statuses } from '../../../gateway/smpp/constants.ts'
import type { BindFailure, Bound, SmppUpstream } from '../../../gateway/smpp/upstream-attempt.ts'
import { createUpstreamBinds, type UpstreamBinds } from '../../../gateway/smpp/upstream-bind.ts'
import { createCertificate } from '../../support/certificate.ts'
import { bindBody, pdu } from '../../support/pdu.ts'
import { createRawPeer, type RawPeer } from '../../support/raw-peer.ts'
import {
  bindAnswer,
  binds,
  startScriptedSmsc,
  type ScriptedSmsc,
} from '../../support/scripted-smsc.ts'

const authority = createCertificate('authority')
const certificate = createCertificate('localhost', authority)

const open = new Set<ScriptedSmsc>()
afterEach(() => {
  for (const smsc of open) smsc.close()
  open.clear()
})

const start = async (...script: Parameters<typeof startScriptedSmsc>): Promise<ScriptedSmsc> => {
  const smsc = await startScriptedSmsc(...script)
  open.add(smsc)
  return smsc
}

const request = readBindRequest(
  pdu(commands.bind_transceiver, 0xfffffff7, bindBody({ systemType: 'VMA\0' })),
) as BindRequest

type Result = Bound | BindFailure
type Tried = { binds: UpstreamBinds; failures: [port: number, BindFailure][] }

const upstreamBinds = (
  upstreams: readonly Partial<SmppUpstream>[],
  changes: { deadlineMs?: number; elapsed?: () => number } = {},
): Tried => {
  const [first, ...others] = upstreams.map((upstream): SmppUpstream => ({
    host: '127.0.0.1',
    port: 1,
    ...upstream,
  }))
  if (first === undefined) throw new Error('no upstream')
  const failures: Tried['failures'] = []
  const made = createUpstreamBinds({
    upstreams: [first, ...others],
    deadlineMs: 400,
    downMs: 1_000,
    elapsed: () => performance.now(),
    onFailure: ({ port }, failure) => failures.push([port, failure]),
    ...changes,
  })
  return { binds: made, failures }
}

const bind = ({ binds: made }: Tried): Promise<Result> =>
  new Promise((resolve) => {
    made.bind(request, resolve)
  })

const bound = async (tried: Tried): Promise<Bound> => {
  const result = await bind(tried)
  if (!('socket' in result)) throw new Error(result.detail)
  return result
}

const closed = async (peer: RawPeer | undefined): Promise<void> => {
  await peer?.ended
}

const closedPort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

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

  it('that is given up calls back never, and closes', async () => {
    const smsc = await start(async (peer) => {
      await peer.next()
    })
    const { binds: made } = upstreamBinds([{ port: smsc.port }])
    const called: Result[] = []
    const giveUp = made.bind(request, (result) => called.push(result))
    while (smsc.connections[0]?.untaken().length !== 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
    giveUp()
    await closed(smsc.connections[0])
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(called).toEqual([])
  })
})

const { ESME_RBINDFAIL, ESME_RINVCMDID } = statuses
const sequence = request.sequence
const refusals: readonly [string, Buffer, RegExp][] = [
  [
    'a status without a body',
    bindAnswer(request.pdu, { status: ESME_RBINDFAIL, body: '' }),
    /status 0x0000000d/,
  ],
  [
    'a status with a body',
    bindAnswer(request.pdu, { status: ESME_RBINDFAIL }),
    /status 0x0000000d/,
  ],
  [
    'a generic_nack',
    pdu(GENERIC_NACK, sequence, '', { status: ESME_RINVCMDID }),
    /status 0x00000003/,
  ],
  [
    'a generic_nack without a number',
    pdu(GENERIC_NACK, 0, '', { status: ESME_RINVCMDID }),
    /status 0x00000003/,
  ],
  ['another number', pdu(0x80000009, 5, 'smsc\0'), /numbered 5/],
  ['another command', pdu(0x80000002, sequence, 's\0'), /0x80000002/],
  ['an unbind', pdu(commands.unbind, 1), /0x00000006/],
  ['an outbind', pdu(commands.outbind, 1, 'a\0b\0'), /0x0000000b/],
  [
    'a deliver_sm before the answer',
    Buffer.concat([pdu(commands.deliver_sm, 1), bindAnswer(request.pdu)]),
    /0x00000005/,
  ],
  ['no SMPP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /too-large/],
]

describe('a bind upstream that fails (J9)', () => {
  it.each(refusals)('is refused by %s', async (_what, answer, detail) => {
    const smsc = await start(async (peer) => {
      await peer.next()
      peer.send(answer)
    })
    const result = await bind(upstreamBinds([{ port: smsc.port }], { deadlineMs: 10_000 }))
    expect(result).toMatchObject({ reason: 'upstream-refused-bind' })
    expect(result).toHaveProperty('detail', expect.stringMatching(detail))
    await closed(smsc.connections[0])
  })

  it('is unreachable behind a closed port', async () => {
    const result = await bind(upstreamBinds([{ port: await closedPort() }]))
    expect(result).toMatchObject({ reason: 'upstream-unreachable', isFinal: false })
  })

  it.each(['end', 'destroy', 'resetAndDestroy'] as const)(
    'is unreachable when the SMSC closes instead of answering (%s)',
    async (leave) => {
      const smsc = await start(async (peer) => {
        await peer.next()
        peer.socket[leave]()
      })
      const result = await bind(upstreamBinds([{ port: smsc.port }]))
      expect(result).toMatchObject({ reason: 'upstream-unreachable' })
    },
  )

  it('is unreachable when half an answer comes', async () => {
    const smsc = await start(async (peer) => {
      peer.socket.end(bindAnswer(await peer.next()).subarray(0, 20))
    })
    const result = await bind(upstreamBinds([{ port: smsc.port }]))
    expect(result).toMatchObject({ reason: 'upstream-unreachable' })
  })

  it.each([
    ['an authority that it does not know', {}],
    ['another authority', { ca: createCertificate('another').cert }],
  ])('is unreachable over TLS with %s, and says nothing there', async (_what, tls) => {
    const smsc = await start(() => undefined, certificate)
    const result = await bind(upstreamBinds([{ port: smsc.port, tls }]))
    expect(result).toMatchObject({ reason: 'upstream-unreachable' })
    expect(Buffer.concat(smsc.connections.map((peer) => peer.untaken()))).toHaveLength(0)
  })

  it('times out at a black hole', async () => {
    const hole = await start(() => undefined)
    const startedAt = performance.now()
    const result = await bind(upstreamBinds([{ port: hole.port, tls: {} }], { deadlineMs: 300 }))
    expect(result).toMatchObject({ reason: 'upstream-timeout' })
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    await closed(hole.connections[0])
  })

  it('times out when the answer is late, and closes', async () => {
    const smsc = await start(async (peer) => {
      const asked = await peer.next()
      setTimeout(() => peer.socket.write(bindAnswer(asked)), 500)
    })
    const result = await bind(upstreamBinds([{ port: smsc.port }], { deadlineMs: 200 }))
    expect(result).toMatchObject({ reason: 'upstream-timeout' })
    await closed(smsc.connections[0])
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
      peer.send(bindAnswer(await peer.next(), { status: ESME_RBINDFAIL }))
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

  it('that all fail fail with the reason of the last', async () => {
    const hole = await start(() => undefined)
    const tried = upstreamBinds([{ port: await closedPort() }, { port: hole.port }])
    expect(await bind(tried)).toMatchObject({ reason: 'upstream-timeout' })
    expect(tried.failures).toHaveLength(2)
  })
})
