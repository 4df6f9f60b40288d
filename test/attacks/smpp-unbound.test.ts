import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { userKeyOf } from '../support/attempts.ts'
import { createCertificate } from '../support/certificate.ts'
import { temporaryFolder } from '../support/database.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import { proxyV1 } from '../support/proxy-header.ts'
import { connectPeer, type RawPeer } from '../support/raw-peer.ts'
import { bind, bindPdu, bound, startSmppPair, until, type SmppPair } from '../support/smpp-pair.ts'

type Options = NonNullable<Parameters<typeof startSmppPair>[0]>

const pairOf = async (options: Options): Promise<SmppPair> => {
  const pair = await startSmppPair(options)
  onTestFinished(pair.stop)
  return pair
}

const tlsEnv = (): Record<string, string> => {
  const folder = temporaryFolder()
  const { cert, key } = createCertificate('localhost')
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key)
  return {
    SMPP_TLS_LISTEN: '127.0.0.1:0',
    SMPP_TLS_CERT: join(folder, 'cert.pem'),
    SMPP_TLS_KEY: join(folder, 'key.pem'),
  }
}

const behind = { SMPP_PROXY_PROTOCOL: 'required', TRUSTED_PROXIES: '127.0.0.0/8' }
const from = (address: string): Buffer => proxyV1(`TCP4 ${address} 10.0.0.1 40000 2775`)

/** Opens so many connections at once, on each of which `first` is all that is ever said. */
const open = (
  port: number,
  count: number,
  first: Buffer = Buffer.alloc(0),
  localAddress?: string,
): Promise<RawPeer[]> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const peer = await connectPeer(port, localAddress)
      peer.send(first)
      return peer
    }),
  )

const isUnbound = async ({ gateway }: SmppPair, count: number): Promise<void> => {
  const line = `sallyport_binds{state="unbound"} ${count}\n`
  await until(async () => {
    const response = await fetch(`${gateway.adminUrl}/metrics`)
    return (await response.text()).includes(line)
  })
}

/** How many of these are still open once the gateway has closed so many and holds the others. */
const left = async (pair: SmppPair, peers: readonly RawPeer[], closed: number): Promise<number> => {
  const gone = new Set<RawPeer>()
  for (const peer of peers) void peer.ended.then(() => gone.add(peer))
  await until(() => gone.size >= closed)
  await isUnbound(pair, peers.length - closed)
  return peers.length - gone.size
}

const doors = [
  ['the plain port', (pair: SmppPair) => pair.gateway.smppPort],
  ['the TLS port, without a handshake', (pair: SmppPair) => pair.gateway.smppTls?.port ?? 0],
] as const

describe.each(doors)('connections without a bind, on %s,', (_, portOf) => {
  test('are so many from one source, and as many again when they are gone', async () => {
    const pair = await pairOf({ env: tlsEnv(), file: { smppLimits: { unboundPerSource: 5 } } })
    for (const turn of [1, 2]) {
      const peers = await open(portOf(pair), 12)
      expect([turn, await left(pair, peers, 7)]).toEqual([turn, 5])
      for (const { socket } of peers) socket.destroy()
      await isUnbound(pair, 0)
    }
  })

  test('are so many in all', async () => {
    const smppLimits = { unbound: 5, unboundPerSource: 2 }
    const pair = await pairOf({ env: tlsEnv(), file: { smppLimits } })
    const peers = []
    for (const source of ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'])
      peers.push(...(await open(portOf(pair), 3, Buffer.alloc(0), source)))
    expect(await left(pair, peers, 7)).toBe(5)
  })

  test('are closed at the deadline', async () => {
    const timers = { initMs: 300 }
    const pair = await pairOf({ env: tlsEnv(), file: { smppLimits: { timers } } })
    const began = performance.now()
    const peers = await open(portOf(pair), 3)
    expect(await left(pair, peers, 3)).toBe(0)
    expect(performance.now() - began).toBeGreaterThanOrEqual(300)
    // Not at the default one, which is ten seconds.
    expect(performance.now() - began).toBeLessThan(9_000)
    await isUnbound(pair, 0)
  })
})

test('the deadline counts from the accept, also when a handshake comes late', async () => {
  const timers = { initMs: 10_000 }
  const pair = await pairOf({ env: tlsEnv(), file: { smppLimits: { timers } } })
  const began = performance.now()
  const { socket } = await connectPeer(pair.gateway.smppTls?.port ?? 0)
  await wait(7_000)
  socket.removeAllListeners('data')
  const secure = connectTls({ socket, rejectUnauthorized: false })
  secure.on('error', () => undefined)
  await new Promise((resolve) => secure.once('secureConnect', resolve))
  await new Promise((resolve) => secure.resume().once('close', resolve))
  expect(performance.now() - began).toBeLessThan(16_500)
})

test('a bound session does not count, nor does a refused one', async () => {
  const pair = await pairOf({ file: { smppLimits: { unboundPerSource: 2 } } })
  const { smppPort } = pair.gateway
  const sessions = [await bound(smppPort), await bound(smppPort), await bound(smppPort)]
  for (let turn = 0; turn < 5; turn++) await (await bind(smppPort, { password: 'x' })).peer.ended
  for (const peer of sessions) {
    peer.send(pdu(commands.enquire_link, 2))
    expect(readPdu(await peer.next()).sequence).toBe(2)
  }
})

test.each([
  ['nothing and a close', Buffer.alloc(0)],
  ['what is no PDU', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a PDU that is no bind', pdu(commands.enquire_link, 1)],
])('connections with %s count against their source, and no user', async (_, octets) => {
  const pair = await pairOf({ file: { sourceBudget: { limit: 5 } } })
  const { smppPort } = pair.gateway
  expect((await bind(smppPort)).answer.status).toBe(0)
  for (let at = 0; at < 5; at++) {
    const peer = await connectPeer(smppPort)
    peer.socket.end(octets)
    await peer.ended
  }
  await isUnbound(pair, 0)
  expect((await bind(smppPort)).answer.status).toBe(statuses.ESME_RTHROTTLED)
  const { attempts } = pair.gateway.core
  const userId = (await pair.gateway.core.directory.find('alice'))?.user.id ?? ''
  expect(await attempts.state(userKeyOf(pair.gateway.core, userId))).toEqual([])
})

test('a source over its budget holds a few places, in which it is told so', async () => {
  const pair = await pairOf({ file: { sourceBudget: { limit: 5 } } })
  const { smppPort, core } = pair.gateway
  for (let at = 0; at < 5; at++) await (await bind(smppPort, { password: 'x' })).peer.ended
  await until(() => core.attempts.sourceBlockedUntil('127.0.0.1') !== undefined)
  const peers = await open(smppPort, 20)
  expect(await left(pair, peers, 12)).toBe(8)
  const others = await open(smppPort, 20, Buffer.alloc(0), '127.0.0.2')
  await isUnbound(pair, 28)
  for (const { socket } of [...peers, ...others]) socket.destroy()
  await isUnbound(pair, 0)
  expect((await bind(smppPort)).answer.status).toBe(statuses.ESME_RTHROTTLED)
})

test.each([
  ['nothing and a close', Buffer.alloc(0)],
  ['what is no handshake', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a bind in the clear', bindPdu()],
  ['a handshake that is cut', Buffer.from([22, 3, 1, 0x02, 0x00, 1, 0, 1])],
])('handshakes that fail with %s count against their source, and no user', async (_, octets) => {
  const pair = await pairOf({ env: tlsEnv(), file: { sourceBudget: { limit: 5 } } })
  const { smppPort, smppTls, core } = pair.gateway
  expect((await bind(smppPort)).answer.status).toBe(0)
  for (let at = 0; at < 5; at++) {
    const peer = await connectPeer(smppTls?.port ?? 0)
    peer.socket.end(octets)
    await peer.ended
  }
  await isUnbound(pair, 0)
  expect((await bind(smppPort)).answer.status).toBe(statuses.ESME_RTHROTTLED)
  const userId = (await core.directory.find('alice'))?.user.id ?? ''
  expect(await core.attempts.state(userKeyOf(core, userId))).toEqual([])
})

describe('behind a balancer', () => {
  test('a handshake that fails counts against whom the header names, and not the balancer', async () => {
    const pair = await pairOf({
      env: { ...behind, ...tlsEnv() },
      file: { sourceBudget: { limit: 5 } },
    })
    const { smppPort, smppTls } = pair.gateway
    for (let at = 0; at < 5; at++) {
      const peers = [await connectPeer(smppTls?.port ?? 0), await connectPeer(smppTls?.port ?? 0)]
      peers[0]?.socket.end(Buffer.concat([from('198.51.100.9'), Buffer.from('no handshake')]))
      peers[1]?.socket.end()
      for (const peer of peers) await peer.ended
    }
    await isUnbound(pair, 0)
    const statusFrom = async (address: string): Promise<number> => {
      const peer = await connectPeer(smppPort)
      peer.send(from(address), bindPdu())
      return readPdu(await peer.next()).status
    }
    expect(await statusFrom('198.51.100.9')).toBe(statuses.ESME_RTHROTTLED)
    expect(await statusFrom('127.0.0.1')).toBe(0)
  })

  test('sources are those that it names, and one does not take the places of another', async () => {
    const pair = await pairOf({ env: behind, file: { smppLimits: { unboundPerSource: 3 } } })
    const { smppPort } = pair.gateway
    expect(await left(pair, await open(smppPort, 8, from('198.51.100.9')), 5)).toBe(3)
    const peer = await connectPeer(smppPort)
    peer.send(from('203.0.113.7'), bindPdu())
    expect(readPdu(await peer.next()).status).toBe(0)
  })

  test('connections that name nobody are so many in all, and closed at the deadline', async () => {
    const pair = await pairOf({
      env: behind,
      file: {
        limits: { proxyHeaderTimeoutMs: 3_000 },
        smppLimits: { unbound: 5, unboundPerSource: 2 },
      },
    })
    const began = performance.now()
    const peers = await open(pair.gateway.smppPort, 8)
    expect(await left(pair, peers, 3)).toBe(5)
    expect(await left(pair, peers, 8)).toBe(0)
    expect(performance.now() - began).toBeLessThan(9_000)
    await isUnbound(pair, 0)
  })
})
