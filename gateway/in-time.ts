import type { AuthorizeInTime } from '../policies/ports.ts'
import { readingOf } from '../policies/reasons.ts'
import type { Core } from './core.ts'

/** `authorize` for doors that only wait for it: what looks like a wrong password comes at the floor. */
export const createAuthorizeInTime =
  ({ authorize, system, floor }: Pick<Core, 'authorize' | 'system' | 'floor'>): AuthorizeInTime =>
  async (attempt) => {
    const arrivedAt = system.elapsed()
    const deciding = authorize(attempt)
    const place = floor.placeOf(attempt, deciding, arrivedAt)
    const decision = await deciding
    if (decision.effect !== 'permit' && readingOf(decision.reason).http === 401)
      await new Promise<void>((resolve) => {
        floor.release(place, resolve)
      })
    return decision
  }
