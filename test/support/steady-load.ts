import { Agent, get } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

/** One request of a client that goes on to the next node when a connection breaks. */
export type Sent = {
  readonly id: number
  readonly startedAt: number
  /** From the first try to the end of the answer, in ms. */
  readonly ms: number
  readonly status: number
  /** The nodes whose connection broke first, and whether each was known to be down. */
  readonly broken: readonly { readonly place: number; readonly wasDown: boolean }[]
}

export type SteadyLoad = {
  readonly sent: readonly Sent[]
  /** What was begun since that moment of `performance.now`. */
  readonly since: (at: number) => readonly Sent[]
  /** Lets what is on its way come to its end. */
  readonly stop: () => Promise<void>
}

export type LoadOptions = {
  /** Where each node is now. */
  readonly urlOf: (place: number) => string
  readonly places: number
  readonly isDown: (place: number) => boolean
  /** Who asks, one after the other. */
  readonly authorizations: readonly string[]
  readonly everyMs: number
}

/** The tries of one request before it counts as lost. */
const TRIES = 30

const ask = (url: string, agent: Agent, authorization: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = get(url, { agent, headers: { authorization } }, (response) => {
      response.resume().on('error', reject)
      response.on('end', () => {
        resolve(response.statusCode ?? 0)
      })
    })
    request.on('error', reject)
  })

/** Sends requests at a steady rate, whatever becomes of those before; status 0: it was lost. */
export const startSteadyLoad = (options: LoadOptions): SteadyLoad => {
  const { urlOf, places, isDown, authorizations, everyMs } = options
  const agent = new Agent({ keepAlive: true })
  const sent: Sent[] = []
  const running = new Set<Promise<void>>()
  let next = 0

  const send = async (id: number): Promise<void> => {
    const startedAt = performance.now()
    const broken: Sent['broken'][number][] = []
    const authorization = authorizations[id % authorizations.length] ?? ''
    let status = 0
    for (let tries = 0; tries < TRIES && status === 0; tries++) {
      const place = (id + tries) % places
      try {
        status = await ask(`${urlOf(place)}/request/${id}`, agent, authorization)
      } catch {
        broken.push({ place, wasDown: isDown(place) })
        await wait(tries)
      }
    }
    sent.push({ id, startedAt, ms: performance.now() - startedAt, status, broken })
  }
  const timer = setInterval(() => {
    const one = send(next++).finally(() => running.delete(one))
    running.add(one)
  }, everyMs)
  return {
    sent,
    since: (at) => sent.filter(({ startedAt }) => startedAt >= at),
    stop: async () => {
      clearInterval(timer)
      await Promise.all(running)
      agent.destroy()
    },
  }
}

/** So many of a hundred took no longer (ms). */
export const percentile = (sent: readonly Sent[], hundredth: number): number =>
  sent.map(({ ms }) => ms).toSorted((one, other) => one - other)[
    Math.min(sent.length - 1, Math.floor((sent.length * hundredth) / 100))
  ] ?? Infinity
