import { sourceGroup, type Address } from '../../policies/address.ts'
import { createIsTrusted } from '../client-address.ts'
import type { Core } from '../core.ts'

/** Told of a connection that came to nothing before a bind. */
export type Waste = (source: Address) => void

/**
 * Holds it against its source, since nobody is named. Balancers look in now and then, and their own
 * address is nobody's to lock.
 */
export const createWaste = ({ settings, attempts, log }: Core): Waste => {
  const isTrusted = createIsTrusted(settings.trustedProxies)
  return (source) => {
    if (isTrusted(source)) return
    attempts.countSource(sourceGroup(source)).catch((error: unknown) => {
      log.error({ err: error }, 'a connection without a bind was not counted')
    })
  }
}
