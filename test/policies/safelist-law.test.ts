import fc from 'fast-check'
import { expect, test } from 'vitest'
import { address } from '../../policies/address.ts'
import { compileSafelist, covers, readSafelist, type Safelist } from '../../policies/safelist.ts'

/** The oracle's own world: addresses are BigInts, a block is a shift and a comparison. */
type Client = { readonly family: 4 | 6; readonly value: bigint }
type Block = Client & { readonly prefix: number; readonly expiresAt: number | undefined }

const now = 1_000
const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128)

const write4 = (value: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.')

const write6 = (value: bigint): string =>
  Array.from({ length: 8 }, (_, at) =>
    ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16),
  ).join(':')

const write = ({ family, value }: Client): string => (family === 4 ? write4(value) : write6(value))

const blockCovers = (block: Block, client: Client): boolean => {
  const shift = BigInt(bitsOf(block.family) - block.prefix)
  return (
    block.family === client.family &&
    block.value >> shift === client.value >> shift &&
    (block.expiresAt === undefined || now < block.expiresAt)
  )
}

const oracle = (blocks: readonly Block[], client: Client): boolean =>
  blocks.length === 0 || blocks.some((block) => blockCovers(block, client))

const compile = (blocks: readonly Block[]): Safelist => {
  const { ranges, faults } = readSafelist(
    blocks.map((block) => ({
      range: `${write(block)}/${block.prefix}`,
      expiresAt: block.expiresAt,
    })),
  )
  expect(faults).toEqual([])
  return compileSafelist(ranges)
}

const isAllowed = (safelist: Safelist, client: Client): boolean =>
  covers(safelist, address(write(client)), now)

/** Few roots and few flipped bits, so that blocks nest and touch instead of never meeting. */
const roots = [0n, 1n, (1n << 128n) - 1n, 0x20010db8n << 96n, 0xcb007107n, 0xffff_cb007107n << 64n]
const isMapped = (value: bigint): boolean => value >> 32n === 0xffffn

const client: fc.Arbitrary<Client> = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 6),
    root: fc.oneof(fc.constantFrom(...roots), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })),
    flips: fc.array(fc.nat(127), { maxLength: 2 }),
  })
  .map(({ family, root, flips }) => ({
    family,
    value: BigInt.asUintN(
      bitsOf(family),
      flips.reduce((value, bit) => value ^ (1n << BigInt(bit)), root),
    ),
  }))
  .filter(({ family, value }) => family === 4 || !isMapped(value))

const block: fc.Arbitrary<Block> = fc
  .record({
    client,
    prefix: fc.oneof(fc.nat(128), fc.integer({ min: 24, max: 32 })),
    expiresAt: fc.constantFrom(undefined, undefined, now - 1, now, now + 1),
  })
  .map(({ client: { family, value }, prefix, expiresAt }) => ({
    family,
    value,
    prefix: Math.min(prefix, bitsOf(family)),
    expiresAt,
  }))

const blocks = fc.array(block, { maxLength: 20, size: 'max' })

/** Both sides of both edges, where a search goes wrong if it does. */
const edgesOf = ({ family, value, prefix }: Block): readonly Client[] => {
  const size = 1n << BigInt(bitsOf(family) - prefix)
  const first = value & ~(size - 1n)
  return [first - 1n, first, first + size - 1n, first + size].flatMap((edge) =>
    edge < 0n || edge >> BigInt(bitsOf(family)) > 0n || (family === 6 && isMapped(edge))
      ? []
      : [{ family, value: edge }],
  )
}

test('A6 100,000 blocks and addresses of both families agree with the oracle', () => {
  const tried = { blocks: 0, addresses: 0 }
  fc.assert(
    fc.property(blocks, fc.array(client, { minLength: 8, maxLength: 16 }), (list, clients) => {
      const safelist = compile(list)
      tried.blocks += list.length
      for (const one of [...clients, ...list.flatMap(edgesOf)]) {
        tried.addresses += 1
        if (isAllowed(safelist, one) !== oracle(list, one))
          expect.fail(`${write(one)} is ${oracle(list, one) ? 'refused' : 'allowed'}`)
      }
    }),
    { numRuns: 12_000 },
  )
  expect(Math.min(tried.blocks, tried.addresses)).toBeGreaterThan(100_000)
})

test('A6 a list of 10,000 blocks agrees with the oracle', () => {
  const list = fc
    .sample(block, { numRuns: 10_000, seed: 1 })
    .map((one) => ({ ...one, prefix: Math.max(one.prefix, 16) }))
  const safelist = compile(list)
  for (const one of list.slice(0, 100).flatMap(edgesOf))
    expect(isAllowed(safelist, one)).toBe(oracle(list, one))
})

test('A6 an added entry never takes access away, but from a list that was empty', () => {
  fc.assert(
    fc.property(blocks, block, client, (list, added, one) => {
      fc.pre(list.length > 0)
      const before = isAllowed(compile(list), one)
      expect(!before || isAllowed(compile([...list, added]), one)).toBe(true)
    }),
    { numRuns: 5_000 },
  )
})

test('A6 the order of entries does not matter', () => {
  const shuffled = blocks.chain((list) =>
    fc.record({
      list: fc.constant(list),
      other: fc.shuffledSubarray(list, { minLength: list.length }),
    }),
  )
  fc.assert(
    fc.property(shuffled, ({ list, other }) => {
      const [one, two] = [compile(list), compile(other)]
      expect([two.four, two.six]).toEqual([one.four, one.six])
    }),
    { numRuns: 2_000 },
  )
})

test('A6 an empty list allows every address', () => {
  const safelist = compile([])
  fc.assert(
    fc.property(client, (one) => isAllowed(safelist, one)),
    { numRuns: 5_000 },
  )
})
