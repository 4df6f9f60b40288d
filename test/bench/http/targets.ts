import type { Target } from '../report.ts'
import { isDisturbed, medianOf, ratioOf, type Runs } from './rounds.ts'

/** How many times a peer's rate the gateway must reach, by the peer's name. */
const leastRatios = {
  'nginx, bare': 0.5,
  'nginx, bcrypt': 500,
  'Hono proxy()': 5,
  '@fastify/http-proxy': 2,
} as const

const verdict = (isMet: boolean, ...of: readonly Runs[]): Target['met'] => {
  if (of.some(isDisturbed)) return 'unsure'
  return isMet ? 'yes' : 'no'
}

export type PeerName = keyof typeof leastRatios

const faster = (gateway: Runs, peer: Runs, least: number): Target => {
  const ratio = ratioOf(gateway, peer)
  return {
    what: `${gateway.job.name}: rate, by ${peer.peer.name}`,
    target: `≥ ${least} ×`,
    reached: `${ratio.toFixed(2)} ×`,
    met: verdict(ratio >= least, gateway, peer),
  }
}

const sooner = (gateway: Runs, peer: Runs, of: 'p50' | 'p99'): Target => {
  const [ours, theirs] = [medianOf(gateway, of), medianOf(peer, of)]
  return {
    what: `${gateway.job.name}: ${of}, beside ${peer.peer.name}`,
    target: `< ${theirs.toFixed(2)} ms`,
    reached: `${ours.toFixed(2)} ms`,
    met: verdict(ours < theirs, gateway, peer),
  }
}

/** What was promised of these peers, of which the first is the gateway. */
export const targetsOf = ([gateway, ...peers]: readonly Runs[]): readonly Target[] => {
  if (gateway === undefined) return []
  const ratios = Object.entries(leastRatios).flatMap(([name, least]) =>
    peers.filter(({ peer }) => peer.name === name).map((peer) => faster(gateway, peer, least)),
  )
  const fastify = peers.find(({ peer }) => peer.name === ('@fastify/http-proxy' satisfies PeerName))
  if (fastify === undefined) return ratios
  return [...ratios, sooner(gateway, fastify, 'p50'), sooner(gateway, fastify, 'p99')]
}
