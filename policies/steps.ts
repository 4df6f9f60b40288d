/**
 * A function of the address that is constant between its steps: until when (ms since the epoch) an
 * address is allowed; `-Infinity` where it is not. `at` holds the first address of every step,
 * ascending from zero, `width` 32-bit words each, so that a look-up is one binary search.
 */
export type Steps = { readonly at: Uint32Array; readonly until: Float64Array }

/** An aligned block of addresses, first and last included. Any two are nested or apart. */
export type Block = {
  readonly first: readonly number[]
  readonly last: readonly number[]
  readonly until: number
}

type Step = { readonly at: readonly number[]; readonly until: number }

const compare = (one: readonly number[], other: readonly number[]): number => {
  for (const [index, word] of one.entries()) {
    const difference = word - (other[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The address after this one; undefined after the last of all. */
const next = (words: readonly number[]): readonly number[] | undefined => {
  const index = words.findLastIndex((word) => word !== 0xffffffff)
  return index < 0
    ? undefined
    : words.map((word, at) => (at < index ? word : at === index ? word + 1 : 0))
}

/** Keeps the steps distinct: the later word on an address holds, and equal neighbours are one. */
const append = (steps: Step[], at: readonly number[], until: number): void => {
  const last = steps.at(-1)
  if (last !== undefined && compare(last.at, at) === 0) steps.pop()
  if (steps.at(-1)?.until !== until) steps.push({ at, until })
}

const stepsOf = (blocks: readonly Block[], width: 1 | 4): readonly Step[] => {
  const sorted = blocks.toSorted((a, b) => compare(a.first, b.first) || compare(b.last, a.last))
  const steps: Step[] = [{ at: Array.from({ length: width }, () => 0), until: -Infinity }]
  const open: Block[] = []
  const close = (block: Block): void => {
    open.pop()
    const after = next(block.last)
    if (after !== undefined) append(steps, after, open.at(-1)?.until ?? -Infinity)
  }
  for (const block of sorted) {
    let around = open.at(-1)
    while (around !== undefined && compare(around.last, block.first) < 0) {
      close(around)
      around = open.at(-1)
    }
    const until = Math.max(block.until, around?.until ?? -Infinity)
    append(steps, block.first, until)
    open.push({ ...block, until })
  }
  for (const block of open.toReversed()) close(block)
  return steps
}

/** Compiles blocks of addresses of `width` words; where blocks are nested, the latest end holds. */
export const compileSteps = (blocks: readonly Block[], width: 1 | 4): Steps => {
  const steps = stepsOf(blocks, width)
  return {
    at: Uint32Array.from(steps.flatMap((step) => step.at)),
    until: Float64Array.from(steps, (step) => step.until),
  }
}

/** Until when the steps allow an IPv4 address. */
export const untilAt1 = ({ at, until }: Steps, word: number): number => {
  let low = 0
  let high = until.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if ((at[middle] ?? 0) <= word) low = middle
    else high = middle
  }
  return until[low] ?? -Infinity
}

/** Until when the steps allow an IPv6 address. */
export const untilAt4 = ({ at, until }: Steps, words: readonly number[]): number => {
  const first = words[0] ?? 0
  const second = words[1] ?? 0
  const third = words[2] ?? 0
  const fourth = words[3] ?? 0
  let low = 0
  let high = until.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    const index = middle * 4
    const order =
      first - (at[index] ?? 0) ||
      second - (at[index + 1] ?? 0) ||
      third - (at[index + 2] ?? 0) ||
      fourth - (at[index + 3] ?? 0)
    if (order >= 0) low = middle
    else high = middle
  }
  return until[low] ?? -Infinity
}
