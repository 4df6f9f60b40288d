import { eraKeyOf } from '../../db/attempts-eras.ts'
import { createFingerprints } from '../../db/secrets.ts'
import type { Core } from '../../gateway/core.ts'
import { address } from '../../policies/address.ts'
import type { Channel } from '../../policies/facts.ts'
import type { Attempt, Decision } from '../../policies/ports.ts'
import type { RedisServer } from './redis.ts'

/** A password that comes in from an address, as a door would hand it on. */
export const passwordAttempt = (
  username: string,
  password: string | Uint8Array,
  from = '198.51.100.7',
  channel: Channel = 'http',
): Attempt => ({
  channel,
  client: address(from),
  credential: { kind: 'password', username, secret: Buffer.from(password) },
  route: {},
})

/** `permit`, or why not. */
export const wordOf = (decision: Decision): string =>
  decision.effect === 'permit' ? 'permit' : decision.reason

/** Counts the passwords that are compared from now on: each costs a hash. */
export const countHashes = ({ hashing }: Core): { readonly hashes: () => number } => {
  const { verify } = hashing
  let hashes = 0
  Object.assign(hashing, {
    verify: (phc: string, secret: Uint8Array) => {
      hashes += 1
      return verify(phc, secret)
    },
  })
  return { hashes: () => hashes }
}

/** The name under which a user's failures are counted. */
export const userKeyOf = ({ database }: Core, userId: string): string =>
  createFingerprints(database.key).userKey({ userId })

/** Whether all nodes have told Redis what they know of a user, as they do soon after a start. */
export const haveAllTold = async (
  cores: readonly Core[],
  { admin }: RedisServer,
  userKey: string,
): Promise<boolean> => {
  let era = ''
  for (const { attempts, shared } of cores) {
    await attempts.state(userKey)
    if (shared !== undefined) era = eraKeyOf(shared.redis, userKey)
  }
  return (await admin.hexists(era, 'whole')) === 1
}
