const codes =
  /\b(?:ECONN\w+|ENOTFOUND|EAI_AGAIN|EHOST\w+|ENET\w+|ETIMEDOUT|EPIPE|CERT\w+|ERR_\w+)\b/

/**
 * What Redis or the network says and what it means to an operator. Some Redis says itself, so that
 * it is of no use to ask again at once; some of those do not pass by waiting either.
 */
const meanings: readonly (readonly [RegExp, string, ('said' | 'final')?])[] = [
  [
    /^WRONGPASS|^NOAUTH|invalid username-password|invalid password/,
    'refuses the username or password',
    'final',
  ],
  [
    /certificate/,
    'shows a certificate that is not trusted (see NODE_EXTRA_CA_CERTS for authorities of your own)',
    'final',
  ],
  [/^NOPERM/, 'does not permit its user all commands and keys that are needed (ACL)', 'final'],
  [/READONLY/, 'is a read-only replica: name the master', 'final'],
  [/^OOM|\bOOM\b/, 'has no memory left: see maxmemory', 'final'],
  [/MISCONF/, 'cannot save to its disk and refuses writes', 'final'],
  [/NOREPLICAS/, 'has too few replicas and refuses writes', 'said'],
  [/^LOADING/, 'is still loading its data', 'said'],
  [/^MASTERDOWN/, 'has lost its master', 'said'],
  [/^CLUSTERDOWN|^MOVED/, 'is a cluster that is not whole, or was not named as a cluster', 'said'],
  [/timed out|Socket timeout/, 'does not answer in time'],
  [/sentinels are unreachable/, 'cannot be found: the sentinels do not answer'],
]

const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(' ')
  return error instanceof Error ? error.message : ''
}

const meaningOf = (error: unknown) => meanings.find(([begins]) => begins.test(messageOf(error)))

/**
 * The failure of a command, without the command: what the client throws holds its arguments, of a
 * greeting the password too, so it must never reach a log, not even as a cause.
 */
export class RedisFailure extends Error {
  /** In words that hold neither an address nor a secret. */
  readonly why: string
  /** Redis itself said so: the next command will fare no better. */
  readonly isSaid: boolean
  /** Waiting does not help. */
  readonly isFinal: boolean

  constructor(why: string, by?: 'said' | 'final') {
    super(`Redis ${why}`)
    this.why = why
    this.isSaid = by !== undefined
    this.isFinal = by === 'final'
  }
}

/** What a failure of the client means, and nothing else of it. */
export const plainFailure = (error: unknown): RedisFailure => {
  if (error instanceof RedisFailure) return error
  const [, why, by] = meaningOf(error) ?? []
  if (why !== undefined) return new RedisFailure(why, by)
  const [code] = codes.exec(messageOf(error)) ?? []
  return new RedisFailure(code === undefined ? 'cannot be reached' : `cannot be reached (${code})`)
}
