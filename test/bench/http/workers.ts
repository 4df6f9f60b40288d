import { Redis } from 'ioredis'
import { median, type Target } from '../report.ts'
import { freePort, type Stage } from '../stage.ts'
import { permitted } from './checks.ts'
import { soloist, startGateway } from './gateway.ts'
import { smallAnswers } from './jobs.ts'
import { startUpstream, type Listening } from './nginx.ts'
import { measureInTurn, ratioOf, type Pace, type Runs } from './rounds.ts'

const LEAST = 1.7

/** What two workers did, and one; the larger number first. */
export type WorkersResult = {
  readonly runs: readonly [two: Runs, one: Runs]
  readonly targets: readonly Target[]
  readonly notes: readonly string[]
}

const startRedis = async (stage: Stage): Promise<string> => {
  const port = await freePort()
  const quiet = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1']
  stage.start('both', 'redis-server', ['--port', String(port), ...quiet])
  const client = new Redis({ port, retryStrategy: () => 20 }).on('error', () => undefined)
  await client.ping()
  client.disconnect()
  return `redis://127.0.0.1:${port}`
}

/**
 * How much more two workers could serve, had the load cores of its own: the requests that they
 * serve in a second of their own processor time, of which they could have two, by those of one.
 */
const capacityRatio = (two: Runs, one: Runs): number =>
  median(
    two.rounds.map(({ rate, cpu }, round) => {
      const alone = one.rounds[round]
      return alone === undefined ? NaN : (2 * (rate / cpu)) / (alone.rate / alone.cpu)
    }),
  )

const targetOf = (what: string, ratio: number, isSure: boolean): Target => ({
  what: `two workers by one: ${what}`,
  target: `≥ ${LEAST} ×`,
  reached: `${ratio.toFixed(2)} ×`,
  met: ratio >= LEAST ? 'yes' : isSure ? 'no' : 'unsure',
})

/** Two workers against one, both with Redis: one alone on a core, two beside their load on both. */
export const measureWorkers = async (
  stage: Stage,
  apart: Listening,
  pace: Pace,
): Promise<WorkersResult> => {
  const redisUrl = await startRedis(stage)
  const beside = await startUpstream(stage, 'both')
  const two = {
    name: 'two workers',
    loadOn: 'both' as const,
    ...(await startGateway(stage, beside, [], { workers: 2, core: 'both', redisUrl })),
  }
  const one = {
    name: 'one process',
    ...(await startGateway(stage, apart, [], { redisUrl })),
  }
  const job = { ...smallAnswers(soloist), name: 'small answers, workers' }
  const [ofTwo, ofOne] = await measureInTurn(stage, job, [two, one], pace)
  if (ofTwo === undefined || ofOne === undefined) throw new Error('there are no figures')
  const requests = ofTwo.rounds.reduce((sum, round) => sum + round.requests, 0)
  const counted = await permitted(two.adminUrl)
  if (counted < requests) throw new Error(`${requests} were measured, but ${counted} permitted`)
  const cores = median(ofTwo.rounds.map(({ cpu }) => cpu))
  return {
    runs: [ofTwo, ofOne],
    targets: [
      targetOf('rate', ratioOf(ofTwo, ofOne), false),
      targetOf('requests that two cores could serve', capacityRatio(ofTwo, ofOne), true),
    ],
    notes: [
      `workers: one process alone on core 0, its load on core 1; two on both cores beside wrk, nginx and Redis, which left them ${cores.toFixed(2)} of the two cores: the rate is the load's limit, req/core s and what follows from it is theirs`,
    ],
  }
}
