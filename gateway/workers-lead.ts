import { openCore, type CoreDeps } from './core.ts'
import { makeDataFolder } from './data-folder.ts'
import type { Places } from './sandbox/sandbox.ts'
import type { SettingsFile } from './settings.ts'
import { install } from './start.ts'
import { stopMs } from './stopping.ts'
import { startWorkers } from './workers.ts'

export type LeadDeps = CoreDeps & {
  readonly count: number
  readonly file: SettingsFile | undefined
  /** Resolves to the signal that ends it all. */
  readonly stopping: Promise<string>
  readonly say: (lines: readonly string[]) => void
}

/** Does what may be done by one process only, before there are several; answers the advice. */
const installOnce = async (deps: CoreDeps): Promise<(at: Places) => readonly string[]> => {
  makeDataFolder(deps.settings.dataDir)
  const core = await openCore(deps)
  try {
    return await install(core)
  } finally {
    await core.close()
  }
}

/** Serves by several workers until it is told to stop. Throws one clear line when it cannot. */
export const lead = async (deps: LeadDeps): Promise<void> => {
  const { settings, system, log, count, file, stopping, say } = deps
  const adviceAt = await installOnce(deps)
  const workers = startWorkers({ count, file, elapsed: system.elapsed, log })
  try {
    const places = await Promise.race([workers.up, stopping.then(() => undefined)])
    if (places !== undefined) {
      log.info({ event: 'listening', ...places, workers: count }, 'listening')
      say(adviceAt(places))
    }
  } catch (error) {
    await workers.stop('SIGTERM', stopMs(settings))
    throw error
  }
  const signal = await stopping
  log.info({ event: 'stopping', signal }, 'stopping')
  if (!(await workers.stop(signal, stopMs(settings))))
    throw new Error('the time to stop is over, or a worker failed: not everything could be written')
}
