import { setTimeout as wait } from 'node:timers/promises'
import type { Settings } from './settings-value.ts'
import type { Gateway } from './start.ts'

/** With the usual `drainMs` it makes ten seconds in all. */
const CLOSING_MS = 2_000

/**
 * The first SIGTERM or SIGINT, also one that comes while the gateway is still starting. Further ones
 * change nothing, since some parents send each twice (npm, to a group); the drain has its end.
 */
export const nextSignal = (): Promise<string> =>
  new Promise((resolve) => {
    process.on('SIGTERM', resolve).on('SIGINT', resolve)
  })

/** What runs has eight tenths of `drainMs`; the rest is for writing what is in memory. */
export const stopMs = ({ limits }: Settings): number => limits.drainMs * 0.8 + CLOSING_MS

/** Stops it; throws one clear line when that takes too long. */
export const stopInTime = async (gateway: Gateway, settings: Settings): Promise<void> => {
  const stopped = gateway.stop().then(() => true)
  const inTime = await Promise.race([stopped, wait(stopMs(settings), false, { ref: false })])
  if (!inTime) throw new Error('the time to stop is over, and not everything could be written')
}
