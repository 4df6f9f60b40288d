import type { BucketState } from '../policies/bucket.ts'
import type { Bench, Place, Step, StepOptions } from './attempts-steps.ts'

/** A step that waits to be decided. */
export type Asked = Pick<StepOptions, 'holder' | 'ends' | 'mayMove'> & {
  /** Undefined: nothing to write. Asked again when the state turns out to be another. */
  readonly judge: (state: BucketState, bench: Bench) => BucketState | undefined
  /** Tells whoever asked what the judge said last. */
  readonly answer: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Steps of one bucket follow each other; those that come while one is decided are decided together
 * after it. So nodes meet at most once each at a bucket, and a flood of guesses costs little.
 */
export type StepQueue = {
  readonly step: Step
  readonly enter: (place: Place, asked: Asked) => void
  /** Those that wait behind the ones being decided, who will not be decided there any more. */
  readonly takeWaiting: (place: Place) => readonly Asked[]
}

export const idOf = ({ userKey, existing, bucket }: Place): string =>
  `${userKey} ${existing ? 'user' : 'name'} ${bucket}`

/** `decide` answers every step that it is handed, or rejects, which rejects them all. */
export const createStepQueue = (
  decide: (place: Place, batch: readonly Asked[]) => Promise<void>,
): StepQueue => {
  const queues = new Map<string, Asked[]>()

  const takeWaiting = (place: Place): readonly Asked[] => queues.get(idOf(place))?.splice(0) ?? []

  const drain = async (place: Place, first: Asked): Promise<void> => {
    let batch: readonly Asked[] = [first]
    while (batch.length > 0) {
      try {
        await decide(place, batch)
      } catch (error) {
        for (const asked of batch) asked.reject(error)
      }
      batch = takeWaiting(place)
    }
    queues.delete(idOf(place))
  }

  const enter = (place: Place, asked: Asked): void => {
    const queue = queues.get(idOf(place))
    if (queue !== undefined) {
      queue.push(asked)
      return
    }
    queues.set(idOf(place), [])
    void drain(place, asked)
  }

  const step: Step = (place, judge, options = {}) =>
    new Promise((resolve, reject) => {
      let answer = (): void => undefined
      enter(place, {
        ...options,
        judge: (state, bench) => {
          const judged = judge(state, bench)
          answer = () => {
            resolve(judged.result)
          }
          return judged.isSame === true ? undefined : judged.state
        },
        answer: () => {
          answer()
        },
        reject,
      })
    })

  return { step, enter, takeWaiting }
}
