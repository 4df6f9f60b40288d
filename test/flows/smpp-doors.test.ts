import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { commands } from '../../gateway/smpp/constants.ts'
import { createCertificate, type Certificate } from '../support/certificate.ts'
import { temporaryFolder } from '../support/database.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import { proxyV1, proxyV2 } from '../support/proxy-header.ts'
import { connectPeer, createRawPeer, type RawPeer } from '../support/raw-peer.ts'
import { bindPdu, startSmppPair, until, type SmppPair } from '../support/smpp-pair.ts'
import { connectEsme } from '../support/smsc.ts'

const authority = createCertificate('authority')

/** Puts files in place at once, as those do who renew certificates. */
const place = (folder: string, { cert, key }: Certificate): void => {
  for (const [name, pem] of Object.entries({ cert, key })) {
    writeFileSync(join(folder, `${name}.new`), pem)
    renameSync(join(folder, `${name}.new`), join(folder, `${name}.pem`))
  }
}

type Options = NonNullable<Parameters<typeof startSmppPair>[0]>

const pairOf = async (options: Options): Promise<SmppPair> => {
  const pair = await startSmppPair(options)
  onTestFinished(pair.stop)
  return pair
}

/** A pair with a TLS port too. */
const tlsPairOf = async (
  certificate: Certificate,
  env: Readonly<Record<string, string>> = {},
): Promise<SmppPair & { tlsPort: number; folder: string }> => {
  const folder = temporaryFolder()
  place(folder, certificate)
  const pair = await pairOf({
    env: {
      SMPP_TLS_LISTEN: '127.0.0.1:0',
      SMPP_TLS_CERT: join(folder, 'cert.pem'),
      SMPP_TLS_KEY: join(folder, 'key.pem'),
      ...env,
    },
  })
  return { ...pair, folder, tlsPort: pair.gateway.smppTls?.port ?? 0 }
}

const connectPeerTls = async (
  options: ConnectionOptions,
): Promise<{ peer: RawPeer; socket: TLSSocket }> => {
  const socket = connectTls({ host: '127.0.0.1', ca: authority.cert, ...options })
  await new Promise((resolve, reject) =>
    socket.once('secureConnect', resolve).once('error', reject),
  )
  return { peer: createRawPeer(socket), socket }
}

const binds = async (peer: RawPeer, as: Parameters<typeof bindPdu>[0] = {}): Promise<boolean> => {
  peer.send(bindPdu(as))
  return readPdu(await peer.next()).status === 0
}

describe('the TLS port', () => {
  test('carries a stock client, beside the plain port', async () => {
    const { tlsPort, gateway } = await tlsPairOf(createCertificate('localhost', authority))
    for (const esme of [
      connectEsme(tlsPort, { tls: true, ca: authority.cert }),
      connectEsme(gateway.smppPort),
    ]) {
      const as = { system_id: 'alice', password: 'alice-secret-1' }
      expect((await esme.ask('bind_transceiver', as)).command_status).toBe(0)
      expect(await esme.ask('submit_sm', { short_message: 'Hello' })).toMatchObject({
        command_status: 0,
      })
      await esme.ask('unbind')
      await esme.closed
    }
  })

  test('speaks TLS 1.2 or better, and nothing else', async () => {
    const { tlsPort } = await tlsPairOf(createCertificate('localhost', authority))
    const old = { port: tlsPort, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
    await expect(connectPeerTls({ ...old, ciphers: 'ALL@SECLEVEL=0' })).rejects.toThrow()
    const plain = await connectPeer(tlsPort)
    plain.send(bindPdu())
    await plain.ended
    expect(plain.untaken().includes('far-smsc')).toBe(false)
  })

  test('takes a new certificate while it runs, and a bad one it leaves', async () => {
    const { tlsPort, folder, gateway } = await tlsPairOf(createCertificate('localhost', authority))
    const told = (word: string) => () => gateway.logged.some((line) => line.includes(word))
    const before = await connectPeerTls({ port: tlsPort })
    expect(await binds(before.peer)).toBe(true)
    const serial = before.socket.getPeerCertificate().serialNumber
    place(folder, createCertificate('localhost', authority))
    await until(told('was loaded anew'))
    const after = await connectPeerTls({ port: tlsPort })
    const newer = after.socket.getPeerCertificate().serialNumber
    expect(newer).not.toBe(serial)
    writeFileSync(join(folder, 'cert.pem'), 'no certificate')
    await until(told('the old one stays'))
    const last = await connectPeerTls({ port: tlsPort })
    expect(last.socket.getPeerCertificate().serialNumber).toBe(newer)
    before.peer.send(pdu(commands.enquire_link, 2))
    expect(readPdu(await before.peer.next()).sequence).toBe(2)
  })

  test('asks for a certificate of a given authority, when told so', async () => {
    const ca = join(temporaryFolder(), 'ca.pem')
    writeFileSync(ca, authority.cert)
    const { tlsPort, smsc } = await tlsPairOf(createCertificate('localhost', authority), {
      SMPP_TLS_CLIENT_CA: ca,
    })
    const known = createCertificate('client', authority)
    const { peer } = await connectPeerTls({ port: tlsPort, cert: known.cert, key: known.key })
    expect(await binds(peer)).toBe(true)
    const stranger = createCertificate('client')
    for (const shown of [{}, { cert: stranger.cert, key: stranger.key }]) {
      const { peer: refused } = await connectPeerTls({ port: tlsPort, ...shown })
      refused.send(bindPdu())
      await refused.ended
      expect(refused.untaken()).toHaveLength(0)
    }
    expect(smsc.recorded).toHaveLength(1)
  })
})

const office = '203.0.113.7'
const v1 = (from: string): Buffer => proxyV1(`TCP4 ${from} 10.0.0.1 40000 2775`)
const v2 = (from: string): Buffer => {
  const addresses = [from, '10.0.0.1'].flatMap((text) => text.split('.').map(Number))
  return proxyV2({ family: 0x11, body: Buffer.from([...addresses, 0x9c, 0x40, 0x0a, 0xd7]) })
}

describe('behind a balancer that sends a PROXY header', () => {
  const behind = { SMPP_PROXY_PROTOCOL: 'required', TRUSTED_PROXIES: '127.0.0.0/8' }
  const bob = { username: 'bob', password: 'bob-secret-01' }
  const users = [{ ...bob, safelist: [{ range: '203.0.113.0/24' }] }]

  test.each([
    ['version 1', v1],
    ['version 2', v2],
  ])('the client is whom it names, %s', async (_, header) => {
    const { gateway } = await pairOf({ env: behind, users })
    for (const [from, isBound] of [
      [office, true],
      ['198.51.100.9', false],
    ] as const) {
      const peer = await connectPeer(gateway.smppPort)
      peer.send(header(from))
      expect(await binds(peer, bob)).toBe(isBound)
    }
  })

  test('and over TLS it comes before the handshake', async () => {
    const { tlsPort, gateway } = await tlsPairOf(createCertificate('localhost', authority), behind)
    await gateway.addUser({ ...bob, safelist: [{ range: '203.0.113.0/24' }] })
    for (const [header, isBound] of [
      [v1(office), true],
      [v2(office), true],
      [v1('198.51.100.9'), false],
    ] as const) {
      const { socket } = await connectPeer(tlsPort)
      socket.removeAllListeners('data')
      socket.write(header)
      const { peer } = await connectPeerTls({ socket })
      expect(await binds(peer, bob)).toBe(isBound)
    }
  })
})
