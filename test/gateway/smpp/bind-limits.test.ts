import { expect, test } from 'vitest'
import { createBindLimits, type Limited, type Placed } from '../../../gateway/smpp/bind-limits.ts'

const userOf = (binds: number): Limited => ({ userKey: 'alice', smppLimits: { binds } })

type Bind = Placed & { readonly name: string; ending: boolean; leave: () => void }

/** Nodes with so many binds of one user each, all of which came under a limit of 100. */
const nodesOf = (sizes: readonly number[], hidden = 0) => {
  const state = { asked: 0, isDown: false }
  const all: Bind[][] = []
  const count = async (): Promise<number> => {
    state.asked += 1
    await Promise.resolve()
    if (state.isDown) throw new Error('out of reach')
    return all.flat().length + hidden
  }
  const nodes = sizes.map((size, at) => {
    const limits = createBindLimits({ count })
    const binds: Bind[] = []
    all.push(binds)
    const enter = (limit = 100): Bind => {
      const bind: Bind = {
        name: `${at}-${binds.length}`,
        ending: false,
        isEnding: () => bind.ending,
        leave: () => undefined,
      }
      const leave = limits.enter(bind, userOf(limit))
      bind.leave = () => {
        leave()
        binds.splice(binds.indexOf(bind), 1)
      }
      binds.push(bind)
      return bind
    }
    for (let number = 0; number < size; number++) enter()
    /** As a review does: all at once, then what is too many begins to end. */
    const review = async (limit: number): Promise<string[]> => {
      const asked = binds.map(async (bind) => limits.isBeyond(bind, userOf(limit)))
      const answers = await Promise.all(asked)
      const beyond = binds.filter((_, index) => answers[index] === true)
      for (const bind of beyond) bind.ending = true
      return beyond.map(({ name }) => name)
    }
    return { binds, enter, review, limits }
  })
  return { nodes, state }
}

test('the newest beyond a lowered limit end, the oldest stay', async () => {
  const { nodes, state } = nodesOf([4])
  expect(await nodes[0]?.review(2)).toEqual(['0-2', '0-3'])
  expect(state.asked).toBe(1)
})

test('those that are ending are ended once, and no others for them', async () => {
  const { nodes } = nodesOf([4])
  const [node] = nodes
  await node?.review(2)
  expect(await node?.review(2)).toEqual([])
  node?.binds.at(-1)?.leave()
  expect(await node?.review(2)).toEqual([])
  // The oldest is ending for another reason: one less has to go.
  const [first] = node?.binds ?? []
  if (first !== undefined) first.ending = true
  expect(await node?.review(1)).toEqual([])
})

test('a limit that was not lowered is looked at by nobody', () => {
  const { nodes, state } = nodesOf([4])
  const [node] = nodes
  for (const limit of [100, 200])
    for (const bind of node?.binds ?? [])
      expect(node?.limits.isBeyond(bind, userOf(limit))).toBe(false)
  expect(state.asked).toBe(0)
})

test('once all are within a lowered limit it is looked at no more', async () => {
  const { nodes, state } = nodesOf([2])
  expect(await nodes[0]?.review(3)).toEqual([])
  await nodes[0]?.review(3)
  expect(state.asked).toBe(1)
})

test('a second lowering is looked at though the first one still is', async () => {
  const { nodes } = nodesOf([4])
  const [first, second] = [nodes[0]?.review(3), nodes[0]?.review(1)]
  expect(await first).toEqual(['0-3'])
  expect(await second).toEqual(['0-1', '0-2', '0-3'])
})

test('a bind that comes in under the old limit while it is being looked at is ended too', async () => {
  const { nodes } = nodesOf([2])
  const [node] = nodes
  const [first] = node?.binds ?? []
  const asked = first && node?.limits.isBeyond(first, userOf(2))
  node?.enter(3)
  expect(await asked).toBe(false)
  expect(await node?.review(2)).toEqual(['0-2'])
})

test.each([
  { sizes: [2, 2], limit: 2, left: [1, 1] },
  { sizes: [3, 1], limit: 2, left: [1, 0] },
  { sizes: [10, 10], limit: 10, left: [5, 5] },
  { sizes: [1, 1, 1], limit: 3, left: [1, 1, 1] },
  { sizes: [6, 2, 1], limit: 3, left: [2, 0, 0] },
])('over nodes of $sizes and a limit of $limit each ends its part', async (row) => {
  const { nodes } = nodesOf(row.sizes)
  const ended = await Promise.all(nodes.map(({ review }) => review(row.limit)))
  const left = ended.map(({ length }, at) => (row.sizes[at] ?? 0) - length)
  expect(left).toEqual(row.left)
  const sum = left.reduce((a, b) => a + b)
  expect(sum).toBeLessThanOrEqual(row.limit)
  expect(sum).toBeGreaterThan(row.limit - row.sizes.length)
})

test('while the leases cannot be counted a node goes by its own, and looks again', async () => {
  const { nodes, state } = nodesOf([4], 2)
  const [node] = nodes
  state.isDown = true
  expect(await node?.review(4)).toEqual([])
  expect(await node?.review(3)).toEqual(['0-3'])
  node?.binds.at(-1)?.leave()
  state.isDown = false
  // Two of five are elsewhere: its share of the two too many is two of its three.
  expect(await node?.review(3)).toEqual(['0-1', '0-2'])
})
