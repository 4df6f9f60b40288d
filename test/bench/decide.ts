import { address, parseAddress, type Address } from '../../policies/address.ts'
import { decide } from '../../policies/decide.ts'
import type { Facts } from '../../policies/facts.ts'
import { compileSafelist, covers, readSafelist, type Safelist } from '../../policies/safelist.ts'
import { acme, listOf, request } from '../policies/facts.ts'

/** Nanoseconds for one call, the median of several runs; `target` is what the row must stay under. */
export type Row = { readonly what: string; readonly nanoseconds: number; readonly target: number }

const calls = 50_000
const runs = 15
const warmUps = 5

/** Clients enough that no single answer is learnt by heart; a power of two. */
const clients = 4_096

/** The median over runs of the time of one call, in nanoseconds; each call's answer is used. */
const timeOf = (call: (index: number) => boolean): number => {
  const times: number[] = []
  let answers = 0
  for (let run = 0; run < runs + warmUps; run++) {
    const started = process.hrtime.bigint()
    for (let index = 0; index < calls; index++) if (call(index)) answers += 1
    if (run >= warmUps) times.push(Number(process.hrtime.bigint() - started) / calls)
  }
  if (answers < 0) throw new Error('unreachable: keeps the answers alive')
  return times.toSorted((a, b) => a - b)[runs >> 1] ?? NaN
}

/** The same numbers in every run (a linear congruential generator, its upper 16 bits). */
const createNumbers = (): (() => number) => {
  let state = 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 16
  }
}

const blockOf = (family: 4 | 6, next: () => number): string =>
  family === 4
    ? `${next() & 255}.${next() & 255}.${next() & 255}.0/24`
    : `2001:db8:${(next() & 0xffff).toString(16)}:${(next() & 0xffff).toString(16)}::/64`

const at = (list: readonly Address[], index: number): Address => {
  const found = list[index & (clients - 1)]
  if (found === undefined) throw new Error('no such client')
  return found
}

const lookUpRow = (family: 4 | 6, size: number): Row => {
  const next = createNumbers()
  const blocks = Array.from({ length: size }, () => blockOf(family, next))
  const safelist: Safelist = compileSafelist(
    readSafelist(blocks.map((range) => ({ range }))).ranges,
  )
  const addresses = Array.from({ length: clients }, (_, index) =>
    address(
      (index & 1 ? blocks[index % size] : undefined)?.split('/')[0] ??
        blockOf(family, next).split('/')[0] ??
        '',
    ),
  )
  return {
    what: `look-up, IPv${family}, ${size} range${size === 1 ? '' : 's'}`,
    nanoseconds: timeOf((index) => covers(safelist, at(addresses, index), 0)),
    target: 1_000,
  }
}

const decideRow = (what: string, changed: Partial<Facts>): Row => {
  const safelist = listOf('192.0.2.0/24', '198.51.100.0/24', '2001:db8::/32')
  const base: Facts = { ...request, user: { ...acme, safelist }, ...changed }
  const facts = Array.from({ length: clients }, (_, index): Facts => ({
    ...base,
    client: address(`192.0.2.${index & 255}`),
  }))
  return {
    what,
    nanoseconds: timeOf(
      (index) => decide(facts[index & (clients - 1)] ?? base).effect === 'permit',
    ),
    target: 2_000,
  }
}

const parseRow = (text: string): Row => ({
  what: `read ${text}`,
  nanoseconds: timeOf(() => parseAddress(text) !== undefined),
  target: 10_000,
})

export const bench = (): Promise<{ name: string; rows: Row[] }> =>
  Promise.resolve({
    name: 'decide',
    rows: [
      decideRow('decide, permitted', {}),
      decideRow('decide, refused: wrong secret', { secret: 'wrong' }),
      decideRow('decide, refused: unknown user', { user: undefined }),
      ...([4, 6] as const).flatMap((family) =>
        [1, 100, 10_000].map((size) => lookUpRow(family, size)),
      ),
      ...['203.0.113.7', '::ffff:203.0.113.7', '2001:db8::1'].map(parseRow),
    ],
  })

if (import.meta.main) {
  const { name, rows } = await bench()
  console.log(name)
  for (const { what, nanoseconds, target } of rows)
    console.log(`${what.padEnd(36)} ${nanoseconds.toFixed(1).padStart(8)} ns  (< ${target})`)
}
