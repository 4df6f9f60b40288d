/** What each of several nodes may give out of a limit while it cannot ask the others. */
export const partOf = (limit: number, nodes: number): number =>
  Math.min(limit, Math.max(1, Math.floor(limit / Math.max(1, nodes))))
