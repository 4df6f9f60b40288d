import type { Broadcast } from '../../db/broadcast.ts'
import type { OtherSlots } from './slots.ts'

const QUESTION = 'bind-probe'
const ANSWER = 'bind-probed'

/** How long words may be on their way, in ms. */
const WAY_MS = 500

/**
 * Asks all nodes whether the bind of a lease is dead: the one that holds it probes it and lets go of
 * its place if it is. Without an answer in the time of a probe it is alive as long as its lease.
 */
export const createRemoteSlots = (
  broadcast: Pick<Broadcast, 'say' | 'hear'>,
  probeMs: number,
): OtherSlots => {
  const asked = new Map<string, (isFreed: boolean) => void>()

  broadcast.hear(ANSWER, (words) => {
    const [id = '', outcome] = words.split(' ')
    asked.get(id)?.(outcome === 'dead')
  })
  return {
    freeIfDead: (id) =>
      new Promise((resolve) => {
        const settle = (isFreed: boolean): void => {
          clearTimeout(timer)
          asked.delete(id)
          resolve(isFreed)
        }
        const timer = setTimeout(settle, probeMs + WAY_MS, false)
        asked.set(id, settle)
        broadcast.say(QUESTION, id).catch(() => {
          settle(false)
        })
      }),
    answerBy: (freeIfDead) => {
      broadcast.hear(QUESTION, (id) => {
        freeIfDead(id)
          ?.then((isDead) => broadcast.say(ANSWER, `${id} ${isDead ? 'dead' : 'alive'}`))
          // Who asked waits no longer than a probe takes.
          .catch(() => undefined)
      })
    },
  }
}
