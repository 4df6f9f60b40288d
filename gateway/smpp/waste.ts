import { sourceGroup, type Address } from '../../policies/address.ts'
import type { Core } from '../core.ts'

/** Told of a connection that came to nothing before a bind, but of no proxy that looks in. */
export type Waste = (source: Address) => void

/** Holds it against its source, since nobody is named. */
export const createWaste =
  ({ attempts, log }: Core): Waste =>
  (source) => {
    attempts.countSource(sourceGroup(source)).catch((error: unknown) => {
      log.error({ err: error }, 'a connection without a bind was not counted')
    })
  }
