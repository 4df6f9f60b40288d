import { expect } from 'vitest'

/**
 * For a figure that is a promise, and that a machine may miss which is busy with other tests: the
 * best of three tries has to keep it. Each answers what it took, in ms.
 */
export const bestOfThree = async (
  limitMs: number,
  attempt: () => Promise<number>,
): Promise<void> => {
  const took: number[] = []
  while (took.length < 3 && Math.min(...took, Infinity) >= limitMs) took.push(await attempt())
  expect(Math.min(...took)).toBeLessThan(limitMs)
}
