import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Windows } from '../../db/windows.ts'
import { createTestClock, type TestClock } from './attempts-trial.ts'

/** What every store of windows keeps to; `create` makes one on that clock. */
export const windowsContract = (name: string, create: (clock: TestClock) => Windows): void => {
  describe(name, () => {
    const start = () => {
      const clock = createTestClock()
      return { clock, windows: create(clock), key: randomBytes(8).toString('hex') }
    }

    test('gives out as many as there are, of twenty that ask at once', async () => {
      const { windows, key } = start()
      const asked = Array.from({ length: 20 }, () => windows.take(key, 3, 60_000))
      const taken = (await Promise.all(asked)).filter((it) => it.taken)
      expect(taken.map(({ left }) => left)).toEqual([2, 1, 0])
    })

    test('sets the end of a window once, and begins anew after it (B3)', async () => {
      const { clock, windows, key } = start()
      const until = clock.now() + 120_000
      for (const left of [1, 0]) {
        expect(await windows.take(key, 2, 120_000)).toEqual({ taken: true, left, until })
        clock.wait(50_000)
      }
      expect(await windows.take(key, 2, 120_000)).toEqual({ taken: false, left: 0, until })
      clock.wait(20_000)
      expect(await windows.take(key, 2, 120_000)).toEqual({
        taken: true,
        left: 1,
        until: clock.now() + 120_000,
      })
    })

    test('keeps keys apart, and gives out none of none', async () => {
      const { windows, key } = start()
      expect((await windows.take(key, 1, 1_000)).taken).toBe(true)
      expect((await windows.take(`${key} other`, 1, 1_000)).taken).toBe(true)
      expect(await windows.take(`${key} none`, 0, 1_000)).toMatchObject({ taken: false, left: 0 })
    })
  })
}
