import type { Database } from './database.ts'

/**
 * Whether the database is busy, full, read-only or lost, rather than asked something foolish: the
 * same may work later. What wraps the failure counts for nothing, what it wraps does.
 */
export const isOutage = ({ engine }: Pick<Database, 'engine'>, error: unknown): boolean => {
  for (let at = error; at instanceof Error; at = at.cause) if (engine.isOutage(at)) return true
  return false
}
