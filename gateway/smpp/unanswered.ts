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

const SMALLEST = 8

/** Beyond this a table grows no more, and what finds its slot taken goes to the map. */
const LARGEST = 16_384

/** Bit 30 of the second word says in which of two generations an entry came. */
const YOUNG = 0x4000_0000
const COMMAND = 0x3fff_ffff

/** What an idle bind has: one for all of them, into which nothing is ever put. */
const noSlots = new Int32Array(2)

type Keep = (sequence: number, word: number) => boolean

/** A class, and nothing made before it is needed: idle binds are many, and each has two of these. */
class Bag implements Unanswered {
  /** Pairs of words: the number, and the command with its generation; 0 there is empty. */
  private slots = noSlots
  private mask = 0
  private entries = 0
  private young = 0
  private crowd = 0
  private crowded: Map<number, number[]> | undefined

  size(): number {
    return this.entries
  }

  add(number: number, commandId: number): void {
    if (this.slots === noSlots) this.open(SMALLEST)
    this.entries += 1
    this.put(number | 0, (commandId & COMMAND) | this.young)
    if (this.crowd > this.mask >> 3 && this.mask < LARGEST - 1)
      this.rebuild(2 * (this.mask + 1), () => true)
  }

  remove(number: number): void {
    const sequence = number | 0
    const at = (sequence & this.mask) << 1
    const { slots } = this
    if (slots[at] === sequence && slots[at + 1] !== 0) {
      slots[at + 1] = 0
      this.entries -= 1
    } else if (this.crowd > 0) this.takeCrowded(sequence)
  }

  has(number: number): boolean {
    const sequence = number | 0
    const at = (sequence & this.mask) << 1
    const { slots, crowded } = this
    return (slots[at] === sequence && slots[at + 1] !== 0) || crowded?.has(sequence) === true
  }

  age(): number {
    const before = this.entries
    const old = this.young ^ YOUNG
    if (before === 0) this.close()
    else this.rebuild(this.mask + 1, (_sequence, word) => (word & YOUNG) !== old)
    this.young = old
    return before - this.entries
  }

  drain(each: (sequence: number, commandId: number) => void): void {
    this.rebuild(SMALLEST, (sequence, word) => {
      each(sequence >>> 0, word & COMMAND)
      return false
    })
    this.close()
  }

  private open(capacity: number): void {
    this.slots = new Int32Array(2 * capacity)
    this.mask = capacity - 1
  }

  private close(): void {
    this.slots = noSlots
    this.mask = 0
  }

  private put(sequence: number, word: number): void {
    const at = (sequence & this.mask) << 1
    if (this.slots[at + 1] === 0) {
      this.slots[at] = sequence
      this.slots[at + 1] = word
      return
    }
    this.crowd += 1
    this.crowded ??= new Map()
    const same = this.crowded.get(sequence)
    if (same === undefined) this.crowded.set(sequence, [word])
    else same.push(word)
  }

  /** Takes everything out and puts back what `keep` wants, into a table for `capacity`. */
  private rebuild(capacity: number, keep: Keep): void {
    const { slots, crowded } = this
    this.open(capacity)
    this.crowded = undefined
    this.crowd = 0
    const again = (sequence: number, word: number): void => {
      if (keep(sequence, word)) this.put(sequence, word)
      else this.entries -= 1
    }
    for (let at = 0; at < slots.length; at += 2) {
      const word = slots[at + 1] ?? 0
      if (word !== 0) again(slots[at] ?? 0, word)
    }
    for (const [sequence, list] of crowded ?? []) for (const word of list) again(sequence, word)
  }

  private takeCrowded(sequence: number): void {
    const words = this.crowded?.get(sequence)
    if (words === undefined) return
    words.pop()
    if (words.length === 0) this.crowded?.delete(sequence)
    this.crowd -= 1
    this.entries -= 1
  }
}

/**
 * Made for the usual case, numbers that follow one another: each has its own slot in a table, and
 * only those that meet another there go to a map. Costs a few nanoseconds for a request.
 */
export const createUnanswered = (): Unanswered => new Bag()
