import { createSystem } from '../../gateway/system.ts'
import { checkGuard, permitted, warmUp } from './http/checks.ts'
import { basicOf, manyUsers, soloist, startGateway, thousandRanges } from './http/gateway.ts'
import { bigDownloads, bigUploads, inRotation, smallAnswers } from './http/jobs.ts'
import { CONNECTIONS } from './http/load.ts'
import { startBareNginx, startGuardingNginx, startUpstream, type Listening } from './http/nginx.ts'
import { startProgram, type Peer } from './http/peers.ts'
import { isDisturbed, measureInTurn, rowOf, runRows, type Pace, type Runs } from './http/rounds.ts'
import { targetsOf, type PeerName } from './http/targets.ts'
import { measureWorkers } from './http/workers.ts'
import type { BenchOptions, Report } from './report.ts'
import { createStage, demand, type Stage } from './stage.ts'

/** What every peer of a job did, the gateway first. */
type Side = readonly Runs[]

type Result = {
  readonly jobs: readonly Side[]
  /** Those of them of which something was promised. */
  readonly promised: readonly Side[]
  readonly notes: readonly string[]
}

type Gateway = Peer & { readonly adminUrl: string }

const peerOf = (name: PeerName, listening: Listening): Peer => ({ name, ...listening })

const gatewayOf = async (...args: Parameters<typeof startGateway>): Promise<Gateway> => {
  const gateway = { name: 'gateway', ...(await startGateway(...args)) }
  await checkGuard(gateway, soloist)
  return gateway
}

/** Its hashes queue up behind connections that are gone, so its last answer is waited for. */
const guardingOf = async (stage: Stage, upstream: Listening): Promise<Peer> => {
  const guard = { user: soloist, ranges: thousandRanges }
  const peer = peerOf('nginx, bcrypt', await startGuardingNginx(stage, upstream, guard))
  await checkGuard(peer, soloist)
  const settle = async (): Promise<void> => {
    const headers = { authorization: basicOf(soloist) }
    await (await fetch(peer.url, { headers })).arrayBuffer()
  }
  return { ...peer, settle, leastSeconds: 5 }
}

/** That the gateway was at work in every request that was measured: it says so itself. */
const checkCount = async ({ adminUrl }: Gateway, jobs: Result['jobs']): Promise<void> => {
  const measured = jobs.flatMap(([gateway]) => gateway?.rounds ?? [])
  const requests = measured.reduce((sum, { requests }) => sum + requests, 0)
  const permits = await permitted(adminUrl)
  if (permits < requests)
    throw new Error(`${requests} requests were measured, but ${permits} permitted`)
}

const quickly = async (stage: Stage, upstream: Listening, pace: Pace): Promise<Result> => {
  const gateway = await gatewayOf(stage, upstream, [])
  const peers = [
    gateway,
    peerOf('nginx, bare', await startBareNginx(stage, upstream)),
    peerOf('@fastify/http-proxy', await startProgram(stage, 'fastify-proxy.ts', upstream)),
  ]
  const jobs = [await measureInTurn(stage, smallAnswers(soloist), peers, pace)]
  await checkCount(gateway, jobs)
  return { jobs, promised: jobs, notes: [] }
}

const fully = async (
  stage: Stage,
  upstream: Listening,
  pace: Pace,
  users: number,
): Promise<Result> => {
  const many = manyUsers(users)
  const gateway = await gatewayOf(stage, upstream, many)
  const bare = peerOf('nginx, bare', await startBareNginx(stage, upstream))
  const open = [
    gateway,
    bare,
    peerOf('@fastify/http-proxy', await startProgram(stage, 'fastify-proxy.ts', upstream)),
    peerOf('Hono proxy()', await startProgram(stage, 'hono-proxy.ts', upstream)),
  ]
  const all = [...open, await guardingOf(stage, upstream)]
  const small = await measureInTurn(stage, smallAnswers(soloist), all, pace)
  const up = await measureInTurn(stage, bigUploads(soloist), open, pace)
  const down = await measureInTurn(stage, bigDownloads(soloist), open, pace)
  const { elapsed } = createSystem()
  const began = elapsed()
  await warmUp(gateway, inRotation(many))
  const took = (elapsed() - began) / 1_000
  const rotation = await measureInTurn(stage, inRotation(many), [gateway, bare], pace)
  const jobs = [small, up, down, rotation]
  await checkCount(gateway, jobs)
  const seconds = took.toFixed(0)
  return {
    jobs,
    promised: [small, rotation],
    notes: [
      `users in turn: each was let in once before, ${seconds} s of Argon2id on the gateway's core`,
      'bodies of 1 MiB: nothing was promised; below 100 % of its core, load and upstream are the limit',
    ],
  }
}

const setting = [
  `the proxy alone on core 0, wrk -t1 -c${CONNECTIONS} and the upstream (nginx) on core 1`,
  'gateway: the real `serve` with its defaults; Basic, safelist (1,000 ranges; 4 for users in turn), lockout, audit, metrics, decision id, identity fields',
  'nginx, bcrypt: allow (the same 1,000 ranges) and auth_basic on a file of cost 10',
  'nginx: one process, connections to the upstream kept, no body on disk, buffers for large ones',
]

const weather = ([small = []]: readonly Side[]): readonly string[] =>
  small.some(isDisturbed)
    ? ['others were using this machine, so the figures are provisional; req/core s holds better']
    : []

/** The gateway with everything on beside its peers, on one upstream and in one run (Linux). */
export const bench = async (options: BenchOptions): Promise<Report> => {
  demand({
    nginx: 'nginx',
    wrk: 'wrk',
    htpasswd: 'apache2-utils',
    taskset: 'util-linux',
    'redis-server': 'redis-server',
  })
  const { quick, users = 10_000 } = options
  const rounds = options.rounds ?? (quick ? 1 : 3)
  const seconds = options.seconds ?? (quick ? 2 : 5)
  const pace = { rounds, seconds, warmUpSeconds: Math.min(2, seconds) }
  const stage = createStage()
  try {
    const upstream = await startUpstream(stage)
    const { jobs, promised, notes } = quick
      ? await quickly(stage, upstream, pace)
      : await fully(stage, upstream, pace, users)
    const workers = await measureWorkers(stage, upstream, pace)
    const sides = [...jobs, workers.runs]
    const medians = `${rounds} × ${seconds} s each, in turn; figures and ratios are the rounds' medians`
    return {
      name: 'http',
      rows: sides.flatMap((runs) =>
        runs.flatMap((each) => (runs[0] ? [rowOf(each, runs[0])] : [])),
      ),
      targets: [...promised.flatMap(targetsOf), ...workers.targets],
      notes: [...setting, medians, ...notes, ...workers.notes, ...weather(jobs)],
      runs: sides.flat().flatMap(runRows),
    }
  } finally {
    stage.end()
  }
}
