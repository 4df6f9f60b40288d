import { sourceGroup } from '../policies/address.ts'
import { rememberMs } from '../policies/bucket.ts'
import type { Facts, KeyFacts } from '../policies/facts.ts'
import { bucketOf } from '../policies/lockout.ts'
import type { Attempt } from '../policies/ports.ts'
import type { Attempts } from '../db/attempts.ts'
import type { Resident } from './directory.ts'

/** What is known of an attempt beside the attempt itself. */
export type Known = {
  readonly resident: Resident | undefined
  readonly secret: Facts['secret']
  readonly key?: KeyFacts | undefined
  /** A lock that was met while the secret was tried (ms since the epoch). */
  readonly lockedUntil?: number | undefined
  /** The bucket was open when the secret was tried: a lock that came of that is not the reason. */
  readonly wasOpen?: boolean
  /** When the secret that was right stops being so by itself (ms since the epoch). */
  readonly validUntil?: number | undefined
}

/** The bucket of counters that the attempt falls into; undefined when its source is unreadable. */
export const bucketFor = (
  { client }: Attempt,
  resident: Resident,
  now: number,
): string | undefined => {
  if (client === undefined) return undefined
  const lastAt = resident.knownSources.get(sourceGroup(client))
  return bucketOf({
    rules: resident.user.lockoutRules,
    now,
    client,
    safelist: resident.user.safelist,
    knownSource: lastAt !== undefined && lastAt > now - rememberMs,
  })
}

const later = (...times: readonly (number | undefined)[]): number | undefined => {
  let latest: number | undefined
  for (const time of times)
    if (time !== undefined && (latest === undefined || time > latest)) latest = time
  return latest
}

/** Builds the facts of one attempt, once. Reads memory only, so it costs no round trip. */
export const createGather =
  (attempts: Attempts, isSaturated: () => boolean) =>
  (attempt: Attempt, known: Known, now: number): Facts => {
    const { client, isProxyItself, channel, credential, fault, route } = attempt
    const { resident } = known
    const bucket = resident && bucketFor(attempt, resident, now)
    return {
      now,
      channel,
      fault,
      client,
      sourceBlockedUntil:
        client === undefined || isProxyItself === true
          ? undefined
          : attempts.sourceBlockedUntil(sourceGroup(client)),
      credential: credential.kind,
      user: resident?.user,
      lockedUntil:
        credential.kind === 'password' &&
        resident !== undefined &&
        bucket !== undefined &&
        known.wasOpen !== true
          ? later(
              known.lockedUntil,
              attempts.lockedUntil(resident.userKey, bucket),
              resident.locks.get(bucket),
            )
          : undefined,
      secret: known.secret,
      saturated: isSaturated(),
      key: known.key,
      route,
      secondFactor: 'not-needed',
    }
  }
