import { hash } from 'node:crypto'
import type { Hashing } from '../../db/hashing.ts'
import type { Core } from '../../gateway/core.ts'
import type { AttemptEvent, Node } from './model-seen.ts'

/** A hash that costs nothing, in the form of one that does. */
export const cheapHash = (secret: string | Uint8Array): string => {
  const digest = hash('sha256', Buffer.from(secret), 'buffer').toString('base64').replace('=', '')
  return `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${digest}`
}

/** Waits for nothing but its turn, so that what runs at once is mixed. */
const cheapVerify = async (phc: string, secret: Uint8Array): Promise<'right' | 'wrong'> => {
  await new Promise((resolve) => setImmediate(resolve))
  return phc === cheapHash(secret) ? 'right' : 'wrong'
}

/** A node whose counters are looked at, and the unlocks that are under way in it. */
export type Watched = { readonly core: Core; readonly unlocking: ReadonlySet<Promise<void>> }

const watchRedis = ({ shared }: Core, failed: () => void): void => {
  if (shared === undefined) throw new Error('the node has no Redis')
  const { run } = { ...shared.redis }
  const watched: typeof run = async (...asked) => {
    try {
      return await run(...asked)
    } catch (error) {
      failed()
      throw error
    }
  }
  Object.assign(shared.redis, { run: watched })
}

/** Hashes for nothing, and writes down what is asked of the counters and of the hashing. */
export const watch = (
  core: Core,
  node: Node,
  { events, unanswered }: { readonly events: AttemptEvent[]; readonly unanswered: Set<Node> },
): Watched => {
  const unlocking = new Set<Promise<void>>()
  const { attempts, hashing } = core
  const { reserve, fail, succeed, unlock } = { ...attempts }
  const verify: Hashing['verify'] = async (...asked) => {
    events.push({ node, kind: 'verify' })
    return cheapVerify(...asked)
  }
  Object.assign(hashing, { verify })
  watchRedis(core, () => unanswered.add(node))
  Object.assign(attempts, {
    reserve: async (request) => {
      const it = await reserve(request)
      const { fingerprint } = request
      const bucket = it.outcome === 'reserved' ? it.token.bucket : request.bucket
      events.push({ node, kind: 'reserve', outcome: it.outcome, bucket, fingerprint })
      return it
    },
    fail: async (token) => {
      const it = await fail(token)
      events.push({ node, kind: 'fail', ...it })
      return it
    },
    succeed: async (token) => {
      const outcome = await succeed(token)
      events.push({ node, kind: 'succeed', outcome })
      return outcome
    },
    unlock: async (...asked) => {
      const work = unlock(...asked)
      unlocking.add(work)
      await work.finally(() => unlocking.delete(work))
    },
  } satisfies Partial<Core['attempts']>)
  return { core, unlocking }
}
