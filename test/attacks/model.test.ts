import fc from 'fast-check'
import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endWell, modelCommands, type ModelCommand } from '../support/model-commands.ts'
import { createPromises } from '../support/model-promises.ts'
import { firstPassword, makeModelFolder, openWorld } from '../support/model-world.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'

const number = (name: string, usual: number): number => Number(process.env[name] ?? usual)

const rights = { password: firstPassword, listed: [], isEnabled: true, isAllowed: true }

/** More runs than the usual, or others: MODEL_RUNS=5000 MODEL_SEED=7. */
const runs = number('MODEL_RUNS', 200)
const firstSeed = number('MODEL_SEED', 20_261_124)

/** Most of a run is waiting, so as many go side by side as vitest lets. */
const lanes = [0, 1, 2, 3, 4]
const numRuns = Math.ceil(runs / lanes.length)

describe.skipIf(withoutRedis)('two nodes, whatever happens to them', () => {
  let redis: RedisServer
  let template: string
  beforeAll(async () => {
    redis = await startRedisServer()
    template = await makeModelFolder()
  })
  afterAll(async () => {
    rmSync(template, { recursive: true, force: true })
    await redis.stop()
  })

  const runOnce = async (list: Iterable<ModelCommand>): Promise<void> => {
    const world = await openWorld(template, redis)
    try {
      const model = createPromises(rights)
      await fc.asyncModelRun(() => ({ model, real: world }), list)
      await endWell(model, world)
      expect(world.failures).toEqual([])
      // No key lives for ever (B4).
      expect(Math.min(...(await world.lives()), Infinity)).toBeGreaterThan(0)
    } finally {
      await world.stop()
    }
  }

  test.concurrent.each(lanes)(
    'keep what is promised about guesses, locks and changes (B2, B4, D3), lane %i',
    async (lane) => {
      const commands = fc.commands(modelCommands, { maxCommands: 40, size: 'max' })
      const property = fc.asyncProperty(commands, runOnce)
      await fc.assert(property, { seed: firstSeed + lane, numRuns })
    },
    60_000 + numRuns * 10_000,
  )
})
