import { appendChange, type ChangeKind } from './changes.ts'
import type { Transaction } from './database.ts'
import { appendEvent } from './events.ts'

/** Who makes a change: a user through a door, or the command line or the system itself. */
export type Actor = {
  readonly userId?: string | undefined
  readonly channel: 'http' | 'web' | 'smpp' | 'cli' | 'system'
  readonly source?: string | undefined
}

export const systemActor: Actor = Object.freeze({ channel: 'system' })

/** A change of rights: what it drops from caches, and what the audit says of it. */
export type Recorded = {
  readonly actor: Actor
  readonly kind: ChangeKind
  readonly action: string
  readonly accountId: string
  readonly user?: { readonly id: string; readonly username: string } | undefined
  readonly before?: unknown
  readonly after?: unknown
}

/** The news and the audit record of a change, in its transaction: one is not written without the other. */
export const recordChange = async (
  tx: Transaction,
  { actor, kind, action, accountId, user, before, after }: Recorded,
): Promise<void> => {
  await appendEvent(tx, {
    action,
    channel: actor.channel,
    actorId: actor.userId,
    source: actor.source,
    accountId,
    userId: user?.id,
    username: user?.username,
    before,
    after,
  })
  await appendChange(tx, { accountId, kind, userId: user?.id ?? null })
}
