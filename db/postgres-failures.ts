import pg from 'pg'

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

/** PostgreSQL, Appendix A: two transactions that could not have run one after the other. */
const isConflict = (error: unknown): boolean => ['40001', '40P01'].includes(codeOf(error))

/** The server ends, or ended, or begins; or it let go of a transaction that stood still. */
const lost = new Set([
  ...['57P01', '57P02', '57P03', '25P03', '08000', '08003', '08006'],
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE'],
])

/** What pg says without a code when a connection ends below it. */
const lostWords = /^Connection terminated unexpectedly$|is not queryable$/

/** The connection is gone, or could not be made at once; a wait that was too long is none of it. */
export const isLost = (error: unknown): boolean =>
  lost.has(codeOf(error)) || (error instanceof Error && lostWords.test(error.message))

/** The connection was known to be gone, so the server heard nothing. */
export const isUnsent = (error: unknown): boolean =>
  error instanceof Error && error.message.endsWith('is not queryable')

/**
 * The server has answered that nothing of the transaction is left. Not so by 40003, one of its class:
 * whether the statement was completed is unknown.
 */
export const isRolledBack = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && /^(40(?!003)|23)/.test(codeOf(error))

/** A commit of which nobody heard what became: it is never tried again. */
export class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super('PostgreSQL did not say whether it has committed', { cause })
  }
}

/**
 * PostgreSQL, Appendix A: writers in each other's way, no resources, a statement or a lock that took
 * too long, nothing may be written, no database; and what the sockets below say.
 */
const outages = /^(08|40|53|57|58)...$|^(55P03|25006|25P0[1-4]|3D000)$|^E(?!RR_)[A-Z_]+$/

/** What pg says without a code when nobody answers. */
const outageWords = /timeout|^Cannot use a pool after/i

/** It is busy, full, read-only or lost: the same may work later. */
export const isOutage = (error: Error): boolean =>
  error instanceof CommitUnknown ||
  isLost(error) ||
  outages.test(codeOf(error)) ||
  (codeOf(error) === '' && outageWords.test(error.message))

const mostTries = 6
const firstWaitMs = 20

/** Ms until the next try, about twice as long each time; `chance` is from 0 to 1. */
export const retryAfter = (error: unknown, tries: number, chance: number): number | undefined => {
  if (error instanceof CommitUnknown || tries >= mostTries) return undefined
  if (!isConflict(error) && !isLost(error)) return undefined
  return firstWaitMs * 2 ** (tries - 1) * (0.5 + chance)
}
