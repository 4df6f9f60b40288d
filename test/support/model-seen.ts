import type { BucketLock, ReserveOutcome } from '../../db/attempts.ts'

export type Node = 0 | 1

export const bothNodes: readonly Node[] = [0, 1]

/** A password that comes in at a node from an address. */
export type Offer = { readonly node: Node; readonly from: string; readonly secret: string }

/** What a node asked of its counters, and each secret that it compared. */
export type AttemptEvent = { readonly node: Node } & (
  | { readonly kind: 'verify' }
  | {
      readonly kind: 'reserve'
      readonly outcome: ReserveOutcome['outcome']
      readonly bucket: string
      readonly fingerprint: string
    }
  | { readonly kind: 'fail'; readonly counted: boolean; readonly lock?: BucketLock }
  | { readonly kind: 'succeed'; readonly outcome: 'cleared' | 'lapsed' }
)

/** What was offered at once and what came of it, between two moments. */
export type Seen = {
  readonly offers: readonly Offer[]
  readonly words: readonly string[]
  readonly events: readonly AttemptEvent[]
  /** Nodes that had no answer from Redis since the last time; on a busy machine that may be any. */
  readonly unanswered: readonly Node[]
  readonly before: number
  readonly after: number
}
