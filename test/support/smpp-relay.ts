import type { RelayEnd } from '../../gateway/smpp/ending.ts'
import { createRelay, type Relay, type RelayOptions } from '../../gateway/smpp/relay.ts'
import { createTicker, type Ticker } from '../../gateway/smpp/ticker.ts'
import type { Certificate } from './certificate.ts'
import { connectedPair, type RawPeer } from './raw-peer.ts'
import { defaultEndTimes, defaultRelayLimits, defaultTimers } from './smpp-defaults.ts'

/** A relay between two raw peers that are both bound already. */
export type Joined = {
  readonly relay: Relay
  readonly esme: RawPeer
  readonly smsc: RawPeer
  /** The gateway's own sockets. */
  readonly client: RelayOptions['client']
  readonly upstream: RelayOptions['upstream']
  readonly ticker: Ticker
  readonly counts: RelayOptions['counts']
  readonly end: Promise<RelayEnd>
}

/** With a certificate both legs are TLS. */
export const join = async (
  changes: Partial<RelayOptions> = {},
  certificate?: Certificate,
): Promise<Joined> => {
  const [client, esme] = await connectedPair(certificate)
  const [upstream, smsc] = await connectedPair(certificate)
  const elapsed = (): number => performance.now()
  const ticker = createTicker(elapsed, 10)
  const counts = { fromClient: 0, fromUpstream: 0 }
  const ending = Promise.withResolvers<RelayEnd>()
  const relay = createRelay({
    client,
    upstream,
    type: 'transceiver',
    limits: defaultRelayLimits,
    timers: defaultTimers,
    endTimes: defaultEndTimes,
    ticker,
    elapsed,
    counts,
    onEnd: ending.resolve,
    ...changes,
  })
  return { relay, esme, smsc, client, upstream, ticker, counts, end: ending.promise }
}
