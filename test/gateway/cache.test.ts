import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCache } from '../../gateway/cache.ts'

test('what was asked for lately is kept, and the bound holds', () => {
  const operations = fc.array(
    fc.record({ key: fc.integer({ min: 0, max: 40 }), set: fc.boolean() }),
    { maxLength: 400 },
  )
  fc.assert(
    fc.property(operations, fc.integer({ min: 2, max: 20 }), (steps, most) => {
      const cache = createCache<number, number>(most)
      const recent: number[] = []
      for (const [value, { key, set }] of steps.entries()) {
        if (set) cache.set(key, value)
        const found = cache.get(key)
        if (set && found !== value) return false
        if (found !== undefined) {
          recent.unshift(key)
          // As many different keys as half the bound were used since: the oldest of them is there.
          const different = [...new Set(recent)].slice(0, Math.ceil(most / 2))
          if (different.some((each) => cache.get(each) === undefined)) return false
        }
        if (cache.size() > most + 1) return false
      }
      return true
    }),
  )
})

test('a deleted key is gone, and all are after a clear', () => {
  const cache = createCache<string, number>(4)
  for (const key of ['a', 'b', 'c']) cache.set(key, 1)
  cache.delete('a')
  expect(cache.get('a')).toBeUndefined()
  expect(cache.get('c')).toBe(1)
  cache.clear()
  expect([cache.get('c'), cache.size()]).toEqual([undefined, 0])
})
