import type { SharedRedis } from './redis.ts'

/** Words for all nodes at once. Nothing is kept: who does not listen just then never hears them. */
export type Broadcast = {
  /** Rejects when it cannot be said; that it is heard is never known. */
  readonly say: (topic: string, words: string) => Promise<void>
  /** What this node says itself is heard too. */
  readonly hear: (topic: string, listener: (words: string) => void) => void
  /** Told whenever this node begins to hear, also anew: something may have been missed. */
  readonly onHearing: (listener: () => void) => void
  readonly close: () => void
}

/**
 * How often it says anew what it listens to. That finds a connection that was lost without a word,
 * and a server that took another one's place and knows nothing of it.
 */
const LISTEN_ANEW_MS = 2_000

/** Over the publish and subscribe of Redis, with a connection of its own to listen on. */
export const createBroadcast = (
  redis: Pick<SharedRedis, 'channel' | 'publish' | 'openAnother'>,
): Broadcast => {
  const listeners = new Map<string, ((words: string) => void)[]>()
  const beginnings: (() => void)[] = []
  const client = redis.openAnother()
  let isHearing = false

  const subscribe = async (): Promise<void> => {
    if (client.status !== 'ready' || listeners.size === 0) return
    try {
      await client.subscribe(...listeners.keys())
    } catch {
      isHearing = false
      return
    }
    if (isHearing) return
    isHearing = true
    for (const begin of beginnings) begin()
  }
  const lose = (): void => {
    isHearing = false
  }
  // Who connects tells of outages once; this connection goes the same way.
  client.on('error', lose)
  client.on('close', lose)
  client.on('ready', () => void subscribe())
  client.on('message', (channel: string, words: string) => {
    for (const listener of listeners.get(channel) ?? []) listener(words)
  })
  const timer = setInterval(() => void subscribe(), LISTEN_ANEW_MS).unref()

  return {
    say: (topic, words) => redis.publish(redis.channel(topic), words),
    hear: (topic, listener) => {
      const channel = redis.channel(topic)
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener])
      void subscribe()
    },
    onHearing: (listener) => {
      beginnings.push(listener)
    },
    close: () => {
      clearInterval(timer)
      client.disconnect()
    },
  }
}
