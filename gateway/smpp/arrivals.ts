import type { Socket } from 'node:net'
import type { Address } from '../../policies/address.ts'
import { addressOfSocket, keyOfSocket, type FindSource } from '../proxied-listener.ts'
import type { Unbound } from './unbound.ts'
import type { Waste } from './waste.ts'

/** A connection from its accept to its bind. */
export type Arrival = {
  /** `System.elapsed` at its accept, before TLS and a PROXY header. */
  readonly acceptedAt: number
  /** Hands it to the door; false when its source has too many already. */
  readonly comesFrom: (source: Address) => boolean
  /** The source is the proxy that opened it, and nobody behind that. */
  readonly isProxyItself: (source: Address) => boolean
  /** Its bind has been read: a drain waits for the answer. */
  readonly read: () => void
  /** It is bound or refused, and counts no more. */
  readonly leave: () => void
}

/** The connections of one listener that have no bind yet. */
export type Arrivals = {
  /** To be told of every socket as it is accepted. */
  readonly accept: (accepted: Socket) => void
  /** By the accepted socket or the TLS socket around it; undefined: it may not stay. */
  readonly of: (socket: Socket) => Arrival | undefined
  /** Closes those of which no bind has been read. */
  readonly drain: () => void
}

export type ArrivalsOptions = {
  readonly unbound: Unbound
  readonly elapsed: () => number
  /** From the accept to the door, in ms; there its own deadline takes over. */
  readonly initMs: number
  /** The source is not that of the socket, but whom its PROXY header names. */
  readonly isProxied: boolean
  /** Who is behind an accepted socket, as far as that is known. */
  readonly sourceOf: FindSource
  /** It was closed before it came to the door: a handshake that failed or never was. */
  readonly wasted: Waste
}

/** Counts from the accept on: a handshake that never comes must not cost more than a bind. */
export const createArrivals = (options: ArrivalsOptions): Arrivals => {
  const { unbound, isProxied } = options
  const arrivals = new Map<string, Arrival>()
  const waiting = new Set<Socket>()
  let isDraining = false

  return {
    accept: (accepted) => {
      const source = addressOfSocket(accepted)
      const place = unbound.enter()
      const isCounted = isProxied || (source !== undefined && place?.comesFrom(source) === true)
      if (place === undefined || !isCounted) {
        place?.leave()
        accepted.destroy()
        return
      }
      const isProxyItself = ({ text }: Address): boolean => isProxied && text === source?.text
      const key = keyOfSocket(accepted)
      const deadline = setTimeout(() => accepted.destroy(), options.initMs)
      let isAtDoor = false
      const onClose = (): void => {
        const from = isAtDoor || isDraining ? undefined : options.sourceOf(accepted)
        leave()
        if (from !== undefined && !isProxyItself(from)) options.wasted(from)
      }
      // Once bound, nothing of this is kept.
      const leave = (): void => {
        clearTimeout(deadline)
        accepted.off('close', onClose)
        waiting.delete(accepted)
        // The port may be another connection's by now.
        if (arrivals.get(key) === arrival) arrivals.delete(key)
        place.leave()
      }
      accepted.once('close', onClose)
      waiting.add(accepted)
      const arrival: Arrival = {
        acceptedAt: options.elapsed(),
        comesFrom: (client) => {
          isAtDoor = true
          clearTimeout(deadline)
          return !isProxied || place.comesFrom(client)
        },
        isProxyItself,
        read: () => {
          waiting.delete(accepted)
        },
        leave,
      }
      arrivals.set(key, arrival)
    },
    of: (socket) => arrivals.get(keyOfSocket(socket)),
    drain: () => {
      isDraining = true
      for (const socket of waiting) socket.destroy()
    },
  }
}
