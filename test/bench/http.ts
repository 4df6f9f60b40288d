import { startGateway, basicOf, soloist } from './http/gateway.ts'
import { measure, type Job, type Measured } from './http/load.ts'
import { SMALL, startBareNginx, startUpstream, type Listening } from './http/nginx.ts'
import { startProgram } from './http/peers.ts'
import { median, type BenchOptions, type Report } from './report.ts'
import { createStage, demand, type Stage } from './stage.ts'

type Peer = Listening & { readonly name: string }

const small: Job = {
  name: 'small answers',
  method: 'GET',
  path: '/sms/3/messages',
  answer: SMALL,
  authorizations: [basicOf(soloist)],
}

const medianOf = (runs: readonly Measured[]): Measured => ({
  rate: median(runs.map(({ rate }) => rate)),
  p50: median(runs.map(({ p50 }) => p50)),
  p99: median(runs.map(({ p99 }) => p99)),
  cpu: median(runs.map(({ cpu }) => cpu)),
})

const perform = async (stage: Stage, { rounds = 1, seconds = 2 }: BenchOptions) => {
  const upstream = await startUpstream(stage)
  const peers: readonly Peer[] = [
    { name: 'gateway', ...(await startGateway(stage, upstream, [])) },
    { name: 'nginx, bare', ...(await startBareNginx(stage, upstream)) },
    { name: '@fastify/http-proxy', ...(await startProgram(stage, 'fastify-proxy.ts', upstream)) },
  ]
  for (const peer of peers) await measure(stage, small, peer, 2)
  const runs = new Map<Peer, Measured[]>(peers.map((peer) => [peer, []]))
  for (let round = 0; round < rounds; round++)
    for (const [peer, measured] of runs) measured.push(await measure(stage, small, peer, seconds))
  return Array.from(runs, ([{ name }, measured]) => ({ peer: name, ...medianOf(measured) }))
}

export const bench = async (options: BenchOptions): Promise<Report> => {
  demand({ nginx: 'nginx', wrk: 'wrk', taskset: 'util-linux' })
  const stage = createStage()
  try {
    const rows = await perform(stage, options)
    return { name: 'http', rows }
  } finally {
    stage.end()
  }
}
