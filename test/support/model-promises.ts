import assert from 'node:assert/strict'
import { rememberMs } from '../../policies/bucket.ts'
import { unknownBucket } from '../../policies/lockout.ts'
import { createModelBuckets, type ModelBuckets } from './model-buckets.ts'
import { bothNodes, type Node, type Offer, type Seen } from './model-seen.ts'

/** What a user may, in one version. */
export type Rights = {
  readonly password: string
  readonly listed: readonly string[]
  readonly isEnabled: boolean
  readonly isAllowed: boolean
}

/** As a node remembers that a secret was right (`credentialSeconds`), and the slack of the model. */
const rememberedMs = 310_000
const slackMs = 10_000

const refusalOf = ({ isEnabled, listed, isAllowed }: Rights, from: string): string | undefined => {
  if (!isEnabled) return 'user-disabled'
  if (listed.length > 0 && !listed.includes(from)) return 'source-not-safelisted'
  return isAllowed ? undefined : 'basic-not-allowed'
}

/**
 * What product.md promises, and nothing of how it is kept: it is told what is done to two nodes,
 * and throws where what they answer breaks a promise.
 */
export type Promises = Omit<ModelBuckets, 'guess' | 'lock' | 'succeed' | 'check'> & {
  readonly isOpen: (node: Node) => boolean
  /** As the directory has it. */
  readonly rights: () => Rights
  readonly change: (node: Node, change: Partial<Rights>) => void
  readonly judge: (seen: Seen) => void
  readonly close: (node: Node) => void
  readonly open: (node: Node) => void
}

export const createPromises = (first: Rights): Promises => {
  const buckets = createModelBuckets()
  const versions = [first]
  /** The newest version that a node is certain to have heard of. */
  const heard: Record<Node, number> = [0, 0]
  const open = new Set<Node>(bothNodes)
  /** When a source succeeded last, at each node. */
  const successes = new Map<string, Partial<Record<Node, number>>>()
  /** When a node found a password right last. */
  const found: Record<Node, Map<string, number>> = [new Map(), new Map()]

  const latest = (): Rights => versions.at(-1) ?? first
  const hear = (node: Node): void => {
    heard[node] = versions.length - 1
    buckets.hear(node)
  }

  const bucketsOf = (rights: Rights, { node, from }: Offer, { before }: Seen): string[] => {
    if (rights.listed.includes(from)) return [from]
    const succeeded = successes.get(from) ?? {}
    const oldest = before - rememberMs
    if ((succeeded[node] ?? 0) > oldest + slackMs) return [from]
    const isKnown = bothNodes.some((it) => (succeeded[it] ?? 0) > oldest - slackMs)
    return isKnown ? [from, unknownBucket] : [unknownBucket]
  }

  const judgePermit = (offer: Offer, seen: Seen, candidates: readonly string[]): void => {
    const { node, secret, from } = offer
    const reserved = seen.events.find((it) => it.kind === 'reserve')
    const isFree = (bucket: string): boolean =>
      !buckets.isLocked(bucket, { node, seen, isAsked: reserved !== undefined })
    if (reserved === undefined) {
      const at = found[node].get(secret) ?? -Infinity
      assert.ok(at > seen.before - rememberedMs, 'permitted without a comparison')
      assert.ok(candidates.some(isFree), 'permitted while locked')
    } else {
      assert.equal(reserved.outcome, 'reserved')
      assert.ok(isFree(reserved.bucket), 'permitted while locked')
    }
    successes.set(from, { ...successes.get(from), [node]: seen.after })
  }

  const judgeWrong = (offer: Offer, seen: Seen): void => {
    const asked = seen.events.filter((it) => it.kind === 'reserve')
    assert.ok(asked.length > 0, 'refused as wrong without asking the counters')
    if (seen.offers.length > 1) return
    for (const { outcome, bucket, fingerprint } of asked) {
      if (outcome === 'known-wrong')
        assert.ok(
          buckets.mayBeKnownWrong(bucket, fingerprint),
          'known to be wrong, but never tried',
        )
      else assert.equal(outcome, 'reserved')
    }
  }

  const judgeOffer = (offer: Offer, word: string, seen: Seen): void => {
    const { node, from, secret } = offer
    const possible = versions.slice(heard[node])
    const early = possible.map((rights) => refusalOf(rights, from))
    if (early.includes(word)) {
      // What never counts never counts.
      if (possible.length === 1 && seen.offers.length === 1) assert.deepEqual(seen.events, [])
      return
    }
    const late = possible.filter((_, at) => early[at] === undefined)
    const candidates = [...new Set(late.flatMap((rights) => bucketsOf(rights, offer, seen)))]
    for (const it of seen.events)
      if (it.kind === 'reserve' && seen.offers.length === 1)
        assert.ok(candidates.includes(it.bucket), `counted in ${it.bucket}`)
    if (word === 'permit') {
      assert.ok(
        late.some(({ password }) => password === secret),
        'a wrong password is permitted',
      )
      judgePermit(offer, seen, candidates)
    } else if (word === 'secret-wrong') {
      assert.ok(
        late.some(({ password }) => password !== secret),
        'the right password is refused as wrong',
      )
      judgeWrong(offer, seen)
    } else {
      assert.equal(word, 'user-locked')
      assert.ok(late.length > 0, 'refused for another reason than there is')
      const isPlausible =
        seen.offers.length > 1 || candidates.some((it) => buckets.mayBeLocked(it, seen))
      assert.ok(isPlausible, 'refused as locked where nothing is locked')
    }
  }

  /** Of an offer that was alone: whatever was said in the end, its secret was right. */
  const noteSuccess = ({ offers, events, after }: Seen): void => {
    const reserved = events.find((it) => it.kind === 'reserve')
    const isCleared = events.some((it) => it.kind === 'succeed' && it.outcome === 'cleared')
    if (!isCleared || reserved === undefined) return
    buckets.succeed(reserved.bucket, reserved.node)
    for (const { secret } of offers) found[reserved.node].set(secret, after)
  }

  const judgeEvents = (seen: Seen): void => {
    const { events } = seen
    const reserved = events
      .filter((it) => it.kind === 'reserve')
      .filter((it) => it.outcome === 'reserved')
    const compared = events.filter((it) => it.kind === 'verify').length
    assert.equal(compared, reserved.length, 'secrets were compared without a place')
    if (events.some((it) => it.kind === 'succeed')) {
      noteSuccess(seen)
      return
    }
    for (const { node, bucket, fingerprint } of reserved) {
      const isLocked = buckets.isLocked(bucket, { node, seen, isAsked: true })
      assert.ok(!isLocked, `${bucket}: a secret is compared while locked`)
      buckets.guess(bucket, node, fingerprint, seen)
    }
    for (const it of events)
      if (it.kind === 'fail' && it.lock !== undefined)
        buckets.lock(it.lock.bucket, it.node, it.lock.lockedUntil, seen)
    for (const { bucket } of reserved) buckets.check(bucket, seen)
  }

  return {
    ...buckets,
    isOpen: (node) => open.has(node),
    rights: latest,
    change: (node, change) => {
      versions.push({ ...latest(), ...change })
      hear(node)
    },
    hear,
    judge: (seen) => {
      buckets.falter(seen.unanswered)
      for (const [at, offer] of seen.offers.entries()) judgeOffer(offer, seen.words[at] ?? '', seen)
      judgeEvents(seen)
    },
    close: (node) => {
      open.delete(node)
      buckets.forget(node)
      found[node].clear()
    },
    open: (node) => {
      open.add(node)
      hear(node)
    },
  }
}
