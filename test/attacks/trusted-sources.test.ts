import { afterEach, describe, expect, test } from 'vitest'
import { statuses } from '../../gateway/smpp/constants.ts'
import { basic, startGateway, type TestGateway } from '../support/gateway.ts'
import { readPdu } from '../support/pdu.ts'
import { proxyV1 } from '../support/proxy-header.ts'
import { connectPeer } from '../support/raw-peer.ts'
import { bindPdu } from '../support/smpp-pair.ts'

const BUDGET = 5
/** A wide range, in which clients may be too. */
const TRUSTED_PROXIES = '127.0.0.0/8'
const times = Array.from({ length: 2 * BUDGET }, (_, at) => at)

let gateway: TestGateway
afterEach(() => gateway.stop())
const start = async (env: Record<string, string> = {}): Promise<void> => {
  gateway = await startGateway({
    env: { TRUSTED_PROXIES, ...env },
    file: { sourceBudget: { limit: BUDGET }, limits: { floorMs: 0 } },
  })
}
const isBlocked = (from: string): boolean =>
  gateway.core.attempts.sourceBlockedUntil(from) !== undefined

describe('HTTP behind a proxy whose range is wide', () => {
  const call = async (at: number, forwardedFor: readonly string[], to = gateway.url) => {
    const authorization = basic(`nobody-${at}`, 'guess')
    const [line] = forwardedFor
    const headers = { authorization, ...(line === undefined ? {} : { 'x-forwarded-for': line }) }
    return (await fetch(to, { headers })).status
  }

  test.each([
    ['a client within it', ['127.0.0.9'], '127.0.0.9', true],
    ['a client within it, behind two', ['127.0.0.9, 127.0.0.2'], '127.0.0.9', true],
    ['a client that says it is the proxy', ['127.0.0.1, 127.0.0.9'], '127.0.0.1', true],
    ['the proxy itself', [], '127.0.0.1', false],
  ])('has a budget for %s: %s is %s → %s', async (_, forwardedFor, source, blocked) => {
    await start()
    for (const at of times) await call(at, forwardedFor)
    expect(isBlocked(source)).toBe(blocked)
    expect(await call(0, forwardedFor)).toBe(blocked ? 429 : 401)
    // The proxy is nobody's to lock (E6), and neither is whoever else comes through it.
    expect(await call(0, [])).toBe(401)
    expect(await call(0, ['203.0.113.7'])).toBe(401)
  })

  test('has a budget at the admin listener too', async () => {
    await start()
    const to = `${gateway.adminUrl}/api/v1/me`
    for (const at of times) await call(at, ['127.0.0.9'], to)
    expect(await call(0, ['127.0.0.9'], to)).toBe(429)
    for (const at of times) expect(await call(at, [], to)).toBe(401)
  })
})

describe('SMPP within the range of the proxies', () => {
  const bind = async (at: number, header: Buffer): Promise<number | undefined> => {
    const peer = await connectPeer(gateway.smppPort)
    peer.send(Buffer.concat([header, bindPdu({ username: `nobody-${at}`, password: 'guess' })]))
    const { status } = readPdu(await peer.next())
    await peer.ended
    return status
  }
  const waste = async (header: Buffer): Promise<void> => {
    const peer = await connectPeer(gateway.smppPort)
    peer.socket.end(header)
    await peer.ended
  }
  const v1 = (from: string): Buffer => proxyV1(`TCP4 ${from} 10.0.0.1 40000 2775`)
  const plain = Buffer.alloc(0)

  test.each([
    ['of who binds directly where no proxy stands', 'off', plain, '127.0.0.1', true],
    ['of who is behind one', 'required', v1('127.0.0.9'), '127.0.0.9', true],
    ['not of the proxy itself', 'required', proxyV1('UNKNOWN'), '127.0.0.1', false],
  ])('counts binds %s', async (_, proxies, header, source, blocked) => {
    await start({ SMPP_PROXY_PROTOCOL: proxies })
    for (const at of times) await bind(at, header)
    expect(isBlocked(source)).toBe(blocked)
    const expected = blocked ? statuses.ESME_RTHROTTLED : statuses.ESME_RBINDFAIL
    expect(await bind(0, header)).toBe(expected)
  })

  test.each([
    ['of who comes directly where no proxy stands', 'off', plain, '127.0.0.1', true],
    ['of who is behind one', 'required', v1('127.0.0.9'), '127.0.0.9', true],
    ['not of the proxy itself', 'required', proxyV1('UNKNOWN'), '127.0.0.1', false],
  ])('counts connections without a bind %s', async (_, proxies, header, source, blocked) => {
    await start({ SMPP_PROXY_PROTOCOL: proxies })
    for (const at of times) if (at < 2 * BUDGET) await waste(header)
    if (blocked) await expect.poll(() => isBlocked(source), { timeout: 20_000 }).toBe(true)
    else expect(isBlocked(source)).toBe(false)
  })
})
