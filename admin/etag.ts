/** The entity tag of a row: its version, which grows with every change (RFC 9110 §8.8.3). */
export const etagOf = (version: number): string => `"${version}"`

/**
 * Whether a change is meant for another version than this one (RFC 9110 §13.1.1). Ask inside the
 * transaction that makes the change; without If-Match nothing is stale.
 */
export const isStale = (ifMatch: string | undefined, version: number): boolean =>
  ifMatch !== undefined &&
  ifMatch.trim() !== '*' &&
  !ifMatch.split(',').some((tag) => tag.trim() === etagOf(version))
