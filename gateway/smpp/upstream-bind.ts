import type { BindRequest } from './bind-request.ts'
import {
  attemptBind,
  type BindFailure,
  type Bound,
  type GiveUp,
  type SmppUpstream,
} from './upstream-attempt.ts'

export type UpstreamBinds = {
  /**
   * Binds upstream as the client asked and calls back once, within the deadline. Returns what
   * gives it up, which is of use until then.
   */
  readonly bind: (request: BindRequest, then: (result: Bound | BindFailure) => void) => GiveUp
}

export type UpstreamBindOptions = {
  /** In order of preference. */
  readonly upstreams: readonly [SmppUpstream, ...SmppUpstream[]]
  /** For all attempts of one bind together, in ms; each has an equal part of what is left. */
  readonly deadlineMs: number
  /** How long an upstream that could not be reached comes after the others, in ms. */
  readonly downMs: number
  /** How long an upstream may take to close after it was given up, in ms. */
  readonly closeMs: number
  readonly elapsed: () => number
  /** Told of every attempt that failed, also when another one then succeeds. */
  readonly onFailure: (upstream: SmppUpstream, failure: BindFailure) => void
}

/** Several upstreams with failover: the first that can be reached gives the answer. */
export const createUpstreamBinds = (options: UpstreamBindOptions): UpstreamBinds => {
  const { upstreams, deadlineMs, closeMs, elapsed } = options
  const downUntil = new Map<SmppUpstream, number>()

  const inOrder = (now: number): SmppUpstream[] => {
    const isDown = (upstream: SmppUpstream): boolean => (downUntil.get(upstream) ?? 0) > now
    return upstreams.toSorted((a, b) => Number(isDown(a)) - Number(isDown(b)))
  }

  return {
    bind: (request, then) => {
      const startedAt = elapsed()
      let giveUp: GiveUp | undefined
      let wasSent = false
      const attempt = ([upstream, ...others]: readonly SmppUpstream[]): void => {
        if (upstream === undefined) return
        const left = startedAt + deadlineMs - elapsed()
        const ms = Math.max(1, left / (others.length + 1))
        giveUp = attemptBind(upstream, request, { ms, closeMs }, (result) => {
          if ('socket' in result) downUntil.delete(upstream)
          else {
            options.onFailure(upstream, result)
            wasSent ||= result.wasSent
            // What a client sends must not take an upstream away from the others.
            if (!result.wasSent) downUntil.set(upstream, elapsed() + options.downMs)
            if (!result.isFinal && others.length > 0) {
              attempt(others)
              return
            }
          }
          then(result)
        })
      }
      attempt(inOrder(startedAt))
      return (over) => {
        giveUp?.((last) => {
          over(wasSent || last)
        })
      }
    },
  }
}
