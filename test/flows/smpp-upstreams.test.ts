import { createServer, type AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { createCertificate } from '../support/certificate.ts'
import type { TestGateway, TestOptions } from '../support/gateway.ts'
import { startGateway } from '../support/gateway.ts'
import { cutPdus, pdu, readPdu } from '../support/pdu.ts'
import { answerAll, startRecordingSmsc, type RecordingSmsc } from '../support/recording-smsc.ts'
import { alicesSecret, bind, bindPdu, bound, refusalsOf, unbind } from '../support/smpp-pair.ts'

const smscOf = async (...how: Parameters<typeof startRecordingSmsc>): Promise<RecordingSmsc> => {
  const smsc = await startRecordingSmsc(...how)
  onTestFinished(smsc.close)
  return smsc
}

const gatewayOf = async (
  smppUpstreams: readonly string[],
  options: TestOptions = {},
): Promise<TestGateway> => {
  const gateway = await startGateway({
    ...options,
    file: { smppUpstreams, limits: { floorMs: 0 }, ...options.file },
    users: [{ username: 'alice', password: alicesSecret }],
  })
  onTestFinished(gateway.stop)
  return gateway
}

const at = ({ port }: { readonly port: number }, credentials = ''): string =>
  `smpp://${credentials}127.0.0.1:${port}`

/** The first PDU of a connection of an SMSC. */
const firstHeard = ({ recorded }: RecordingSmsc, connection = 0): Buffer | undefined =>
  cutPdus(Buffer.concat(recorded[connection]?.heard ?? [])).pdus[0]

const closedPort = async (): Promise<{ port: number }> => {
  const server = createServer()
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return { port }
}

describe('the bind upstream', () => {
  test('is the client’s own, octet by octet, and so is the answer', async () => {
    const smsc = await smscOf()
    const { smppPort } = await gatewayOf([at(smsc)])
    const as = { sequence: 0xffff_fffe, body: { systemType: 'VMA\0', addressRange: '41.*\0' } }
    const { peer, octets } = await bind(smppPort, as)
    expect(firstHeard(smsc)).toEqual(bindPdu(as))
    expect(octets).toEqual(smsc.recorded[0]?.said[0])
    await unbind(peer)
  })

  test('is made with mapped credentials, and all else stays as it was', async () => {
    const smsc = await smscOf()
    const { smppPort } = await gatewayOf([at(smsc, 'sallyport:p%40ss@')])
    const as = { sequence: 9, body: { systemType: 'VMA\0', tlvs: '\x14\0\0\x02ab' } }
    const { peer, answer } = await bind(smppPort, as)
    expect(answer).toMatchObject({ status: 0, sequence: 9 })
    expect(firstHeard(smsc)).toEqual(bindPdu({ ...as, username: 'sallyport', password: 'p@ss' }))
    await unbind(peer)
  })

  test('goes to the next when the first cannot be reached, each with its own credentials', async () => {
    const smsc = await smscOf()
    const gateway = await gatewayOf([at(await closedPort()), at(smsc, 'second:secret@')])
    for (const turn of [0, 1]) {
      await unbind(await bound(gateway.smppPort))
      expect(firstHeard(smsc, turn)).toEqual(bindPdu({ username: 'second', password: 'secret' }))
    }
    // Known to be down for a while, the first was not asked again.
    expect(gateway.logged.filter((line) => line.includes('a bind upstream failed'))).toHaveLength(1)
  })

  test('goes to the next when the first closes, or gives an answer to something else', async () => {
    const closing = await smscOf((_, { peer }) => {
      peer.socket.destroy()
      return []
    })
    const odd = await smscOf((request) => [pdu(0x80000009, readPdu(request).sequence + 1)])
    const good = await smscOf()
    const { smppPort } = await gatewayOf([at(closing), at(odd), at(good)])
    const peer = await bound(smppPort)
    expect([closing, odd, good].map((smsc) => smsc.recorded.length)).toEqual([1, 1, 1])
    peer.send(pdu(commands.submit_sm, 2, 'text'))
    expect(readPdu(await peer.next())).toMatchObject({ status: 0, body: 'id-2\0' })
    await unbind(peer)
  })

  test('that is refused asks no other, and the client learns no more than RSYSERR', async () => {
    const refusing = await smscOf((request) => [
      pdu(0x80000009, readPdu(request).sequence, 'why\0', { status: 0x0f }),
    ])
    const other = await smscOf()
    const gateway = await gatewayOf([at(refusing), at(other)])
    const { peer, octets } = await bind(gateway.smppPort, { sequence: 5 })
    expect(octets).toEqual(pdu(0x80000009, 5, '', { status: statuses.ESME_RSYSERR }))
    await peer.ended
    expect(other.recorded).toHaveLength(0)
    expect(await refusalsOf(gateway)).toEqual(['upstream-refused-bind'])
  })
})

describe('the bind upstream over TLS', () => {
  const authority = createCertificate('authority')
  const good = createCertificate('localhost', authority)
  const before = getCACertificates('default')

  beforeAll(() => {
    setDefaultCACertificates([...before, authority.cert])
  })
  afterAll(() => {
    setDefaultCACertificates(before)
  })
  const over = ({ port }: RecordingSmsc, host = '127.0.0.1'): string => `smpps://${host}:${port}`

  test.each(['127.0.0.1', 'localhost'])('carries a session to %s', async (host) => {
    const smsc = await smscOf(answerAll, good)
    const { smppPort } = await gatewayOf([over(smsc, host)])
    const peer = await bound(smppPort)
    peer.send(pdu(commands.submit_sm, 2, 'text'))
    expect(readPdu(await peer.next())).toMatchObject({ status: 0, body: 'id-2\0' })
    await unbind(peer)
  })

  test.each([
    ['is signed by nobody we know', createCertificate('localhost')],
    ['is that of another host', createCertificate('other', authority, false, 'smsc.example.com')],
  ])('is refused when the certificate %s', async (_, certificate) => {
    const smsc = await smscOf(answerAll, certificate)
    const gateway = await gatewayOf([over(smsc)])
    const { peer, octets } = await bind(gateway.smppPort)
    expect(octets).toEqual(pdu(0x80000009, 1, '', { status: statuses.ESME_RSYSERR }))
    await peer.ended
    expect(smsc.recorded.flatMap(({ heard }) => heard)).toEqual([])
    expect(await refusalsOf(gateway)).toEqual(['upstream-unreachable'])
    const failure = gateway.logged.find((line) => line.includes('a bind upstream failed'))
    expect(failure).toMatch(/self-signed certificate|does not match certificate's altnames/)
  })

  test('is not made in clear text to one that speaks no TLS', async () => {
    const smsc = await smscOf()
    const gateway = await gatewayOf([over(smsc)], {
      file: { smppLimits: { upstreamBindMs: 300 } },
    })
    const { answer } = await bind(gateway.smppPort)
    expect(answer.status).toBe(statuses.ESME_RSYSERR)
    expect(Buffer.concat(smsc.recorded[0]?.heard ?? []).includes('alice')).toBe(false)
  })
})
