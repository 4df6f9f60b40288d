/** A bounded map that forgets what was not asked for lately. */
export type Cache<Key, Value> = {
  readonly get: (key: Key) => Value | undefined
  readonly set: (key: Key, value: Value) => void
  readonly delete: (key: Key) => void
  readonly clear: () => void
  readonly size: () => number
}

/**
 * Two generations: what is used moves to the young one, and the old one is dropped when the young
 * one is full. A hit in the young one, the usual case, is a look-up and writes nothing.
 */
export const createCache = <Key, Value>(most: number): Cache<Key, Value> => {
  const half = Math.max(1, Math.ceil(most / 2))
  let young = new Map<Key, Value>()
  let old = new Map<Key, Value>()
  const set = (key: Key, value: Value): void => {
    if (young.size >= half && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
    old.delete(key)
  }
  return {
    get: (key) => {
      const found = young.get(key)
      if (found !== undefined) return found
      const older = old.get(key)
      if (older !== undefined) set(key, older)
      return older
    },
    set,
    delete: (key) => {
      young.delete(key)
      old.delete(key)
    },
    clear: () => {
      young.clear()
      old.clear()
    },
    size: () => young.size + old.size,
  }
}
