/** Our relay alone: no decision, the bind is passed on as it came. */
import { createServer, type AddressInfo } from 'node:net'
import { readFirstPdu } from '../../../gateway/smpp/first-pdu.ts'
import { createRelay } from '../../../gateway/smpp/relay.ts'
import { createTicker } from '../../../gateway/smpp/ticker.ts'
import { createUpstreamBinds } from '../../../gateway/smpp/upstream-bind.ts'
import { defaultEndTimes, defaultRelayLimits, defaultTimers } from '../../support/smpp-defaults.ts'

const elapsed = (): number => performance.now()
const ticker = createTicker(elapsed, 1_000)
const counts = { fromClient: 0, fromUpstream: 0 }
const upstreams = createUpstreamBinds({
  upstreams: [{ host: '127.0.0.1', port: Number(process.argv[2]) }],
  deadlineMs: 10_000,
  downMs: 2_000,
  closeMs: 500,
  elapsed,
  onFailure: (_upstream, failure) => {
    console.error(failure)
  },
})

const server = createServer({ noDelay: true }, (client) => {
  const options = { acceptedAt: elapsed(), timers: defaultTimers, ticker, closeMs: 500 }
  readFirstPdu(client, options, (first) => {
    if (typeof first === 'string') return
    if ('fault' in first) {
      client.destroy()
      return
    }
    upstreams.bind(first, (result) => {
      if (!('socket' in result)) {
        client.destroy()
        return
      }
      client.write(result.response)
      createRelay({
        client,
        upstream: result.socket,
        type: first.type,
        limits: defaultRelayLimits,
        timers: defaultTimers,
        endTimes: defaultEndTimes,
        ticker,
        elapsed,
        counts,
        onEnd: () => undefined,
      })
    })
  })
}).listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  console.log((server.address() as AddressInfo).port)
})
process.on('SIGTERM', () => process.exit(0))
