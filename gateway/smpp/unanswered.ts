/** Requests that were passed on and not yet answered: their numbers and commands, as a bag. */
export type Unanswered = {
  readonly size: () => number
  /** Numbers and command_ids are signed or unsigned 32 bits, as they come. */
  readonly add: (sequence: number, commandId: number) => void
  /** Takes out one with that number, if there is one. */
  readonly remove: (sequence: number) => void
  readonly has: (sequence: number) => boolean
  /** Forgets what was there already when this was last called, and says how many. */
  readonly age: () => number
  /** Empties it. */
  readonly drain: (each: (sequence: number, commandId: number) => void) => void
}

/** The engine keeps an array of 64 octets within the object: idle binds are many. */
const SMALLEST = 8

/** Beyond this a table grows no more, and what finds its slot taken goes to the map. */
const LARGEST = 16_384

/** Bit 30 of the second word says in which of two generations an entry came. */
const YOUNG = 0x4000_0000
const COMMAND = 0x3fff_ffff

/**
 * Made for the usual case, numbers that follow one another: each has its own slot in a table, and
 * only those that meet another there go to a map. Costs a few nanoseconds for a request.
 */
export const createUnanswered = (): Unanswered => {
  /** Pairs of words: the number, and the command with its generation; 0 there is empty. */
  let slots = new Int32Array(2 * SMALLEST)
  let mask = SMALLEST - 1
  let size = 0
  let young = 0
  const crowded = new Map<number, number[]>()
  let crowd = 0

  const put = (sequence: number, word: number): void => {
    const at = (sequence & mask) << 1
    if (slots[at + 1] === 0) {
      slots[at] = sequence
      slots[at + 1] = word
      return
    }
    crowd += 1
    const same = crowded.get(sequence)
    if (same === undefined) crowded.set(sequence, [word])
    else same.push(word)
  }

  /** Takes everything out and puts back what `keep` wants, into a table for `capacity`. */
  const rebuild = (capacity: number, keep: (sequence: number, word: number) => boolean): void => {
    const old = slots
    const words = [...crowded]
    crowded.clear()
    crowd = 0
    slots = new Int32Array(2 * capacity)
    mask = capacity - 1
    const again = (sequence: number, word: number): void => {
      if (keep(sequence, word)) put(sequence, word)
      else size -= 1
    }
    for (let at = 0; at < old.length; at += 2) {
      const word = old[at + 1] ?? 0
      if (word !== 0) again(old[at] ?? 0, word)
    }
    for (const [sequence, list] of words) for (const word of list) again(sequence, word)
  }

  const takeCrowded = (sequence: number): void => {
    const words = crowded.get(sequence)
    if (words === undefined) return
    words.pop()
    if (words.length === 0) crowded.delete(sequence)
    crowd -= 1
    size -= 1
  }

  return {
    size: () => size,
    add: (number, commandId) => {
      size += 1
      put(number | 0, (commandId & COMMAND) | young)
      if (crowd > mask >> 3 && mask < LARGEST - 1) rebuild(2 * (mask + 1), () => true)
    },
    remove: (number) => {
      const sequence = number | 0
      const at = (sequence & mask) << 1
      if (slots[at] === sequence && slots[at + 1] !== 0) {
        slots[at + 1] = 0
        size -= 1
      } else if (crowd > 0) takeCrowded(sequence)
    },
    has: (number) => {
      const sequence = number | 0
      const at = (sequence & mask) << 1
      return (slots[at] === sequence && slots[at + 1] !== 0) || crowded.has(sequence)
    },
    age: () => {
      const before = size
      const old = young ^ YOUNG
      if (size > 0) rebuild(mask + 1, (_sequence, word) => (word & YOUNG) !== old)
      else if (mask >= SMALLEST) rebuild(SMALLEST, () => true)
      young = old
      return before - size
    },
    drain: (each) => {
      rebuild(SMALLEST, (sequence, word) => {
        each(sequence >>> 0, word & COMMAND)
        return false
      })
    },
  }
}
