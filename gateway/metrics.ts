import {
  Counter,
  Gauge,
  Histogram,
  Registry,
  type Aggregator,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client'
import type { Node } from '../db/nodes.ts'
import type { Verdict } from '../policies/decision.ts'
import type { Channel } from '../policies/facts.ts'
import { createBindCounts, sumCounts, type BindCounts } from './smpp/bind-counts.ts'

/** Every metric with its values, as processes tell them to one another. */
export type MetricValues = readonly MetricObjectWithValues<MetricValue<string>>[]

/** What is measured while running; nothing in it names a user, an address or a secret. */
export type Metrics = {
  readonly decided: (channel: Channel, verdict: Verdict, ms: number) => void
  readonly answered: (status: number) => void
  readonly relayed: (status: number, ms: number) => void
  /** SMPP connections and the PDUs over them; written to by who counts them. */
  readonly smpp: BindCounts
  /** The text that Prometheus reads. */
  readonly render: () => Promise<string>
  readonly values: () => Promise<MetricValues>
  readonly contentType: string
}

/** Values that are asked for when the metrics are read. */
export type Gauges = {
  readonly passwordQueue: () => number
  readonly degraded: () => boolean
  readonly policyAgeMs: () => number
  /** The last known number of nodes that serve this directory. */
  readonly nodes: () => number
  /** What they last told of themselves. */
  readonly toldByNodes: () => readonly Pick<Node, 'name' | 'version' | 'policyAge'>[]
  readonly live: () => { readonly http: number; readonly upgrade: number }
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts by label values; written on every request, so it is a map and nothing more. */
const createCounts = (): {
  add: (key: string) => void
  entries: () => Iterable<[string, number]>
} => {
  const counts = new Map<string, number>()
  return {
    add: (key) => {
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    entries: () => counts.entries(),
  }
}

/** `aggregator`: what several workers show together. */
const gaugeOf = (
  registry: Registry,
  name: string,
  help: string,
  read: () => number,
  aggregator: Aggregator = 'sum',
): void => {
  new Gauge({
    name,
    help,
    aggregator,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}

/** One string for each triple, made once. */
const createKeys = (): ((channel: Channel, verdict: Verdict) => string) => {
  const keys = {
    http: new Map<string, string>(),
    smpp: new Map<string, string>(),
    web: new Map<string, string>(),
  }
  return (channel, verdict) => {
    const reason = verdict.effect === 'permit' ? '' : verdict.reason
    const known = keys[channel].get(reason)
    if (known !== undefined) return known
    const key = `${channel} ${verdict.effect} ${reason}`
    keys[channel].set(reason, key)
    return key
  }
}

export const createMetrics = (gauges: Gauges): Metrics => {
  const registry = new Registry()
  const registers = [registry]
  const decisions = createCounts()
  const statuses = createCounts()
  const keyOf = createKeys()

  new Counter({
    name: 'sallyport_decisions_total',
    help: 'Decisions by channel, effect and reason.',
    labelNames: ['channel', 'effect', 'reason'],
    registers,
    collect() {
      this.reset()
      for (const [key, count] of decisions.entries()) {
        const [channel = '', effect = '', reason = ''] = key.split(' ')
        this.inc({ channel, effect, reason }, count)
      }
    },
  })
  new Counter({
    name: 'sallyport_http_requests_total',
    help: 'Answered HTTP requests by status code.',
    labelNames: ['status'],
    registers,
    collect() {
      this.reset()
      for (const [status, count] of statuses.entries()) this.inc({ status }, count)
    },
  })
  const smpp = createBindCounts()
  new Counter({
    name: 'sallyport_pdus_total',
    help: 'Relayed PDUs by direction.',
    labelNames: ['direction'],
    registers,
    collect() {
      this.reset()
      const { fromClient, fromUpstream } = sumCounts(smpp)
      this.inc({ direction: 'to_upstream' }, fromClient)
      this.inc({ direction: 'to_client' }, fromUpstream)
    },
  })
  new Gauge({
    name: 'sallyport_binds',
    help: 'SMPP connections by state.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'bound' }, smpp.standing.size)
      this.set({ state: 'binding' }, smpp.binding)
      this.set({ state: 'unbound' }, Math.max(0, smpp.unbound - smpp.binding))
    },
  })
  const decisionSeconds = new Histogram({
    name: 'sallyport_decision_seconds',
    help: 'Time from asking to deciding.',
    buckets: [0.00001, 0.0001, ...SECONDS],
    registers,
  })
  const upstreamSeconds = new Histogram({
    name: 'sallyport_upstream_seconds',
    help: 'Time from a permit to the end of the relayed exchange.',
    buckets: SECONDS,
    registers,
  })
  gaugeOf(
    registry,
    'sallyport_password_queue',
    'Passwords that wait for their verification.',
    gauges.passwordQueue,
  )
  gaugeOf(
    registry,
    'sallyport_degraded',
    '1 while shared state is out of reach.',
    () => Number(gauges.degraded()),
    'max',
  )
  gaugeOf(
    registry,
    'sallyport_policy_age_seconds',
    'Age of what is known of changes.',
    () => gauges.policyAgeMs() / 1_000,
    'max',
  )
  gaugeOf(
    registry,
    'sallyport_nodes',
    'Processes that serve this directory, as last known.',
    gauges.nodes,
    'max',
  )
  new Gauge({
    name: 'sallyport_node_policy_age_seconds',
    help: 'Each of these processes, and its age of what is known of changes, as it last told.',
    labelNames: ['node', 'version'],
    aggregator: 'max',
    registers,
    collect() {
      this.reset()
      for (const { name: node, version, policyAge } of gauges.toldByNodes())
        this.set({ node, version }, policyAge / 1_000)
    },
  })
  gaugeOf(
    registry,
    'sallyport_live_exchanges',
    'Relayed HTTP exchanges under way, tunnels included.',
    () => gauges.live().http + gauges.live().upgrade,
  )

  return {
    smpp,
    decided: (channel, verdict, ms) => {
      decisions.add(keyOf(channel, verdict))
      decisionSeconds.observe(ms / 1_000)
    },
    answered: (status) => {
      statuses.add(String(status))
    },
    relayed: (status, ms) => {
      statuses.add(String(status))
      upstreamSeconds.observe(ms / 1_000)
    },
    render: () => registry.metrics(),
    values: () => registry.getMetricsAsJSON(),
    contentType: registry.contentType,
  }
}
