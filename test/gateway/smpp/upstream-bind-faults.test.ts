import { describe, expect, it } from 'vitest'
import { commands, GENERIC_NACK, statuses } from '../../../gateway/smpp/constants.ts'
import { createCertificate } from '../../support/certificate.ts'
import { pdu } from '../../support/pdu.ts'
import { bindAnswer } from '../../support/scripted-smsc.ts'
import {
  bind,
  certificate,
  closed,
  closedPort,
  request,
  start,
  upstreamBinds,
} from '../../support/upstream-binds.ts'

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
    expect(performance.now() - startedAt).toBeLessThan(10_000)
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
