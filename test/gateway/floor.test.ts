import { expect, test, vi } from 'vitest'
import { createFloor } from '../../gateway/floor.ts'

const elapsed = (): number => performance.now()

const released = (floor: ReturnType<typeof createFloor>, at: number): Promise<number> =>
  new Promise((resolve) => {
    floor.release(at, () => {
      resolve(elapsed())
    })
  })

test('nothing is released before its floor, whatever was done meanwhile', async () => {
  const floor = createFloor({ elapsed, floorMs: 40, expectedMs: () => 0 })
  const began = elapsed()
  const times = await Promise.all(Array.from({ length: 200 }, () => released(floor, floor.begin())))
  for (const time of times) expect(time - began).toBeGreaterThanOrEqual(40)
})

test('those of one step leave in one go', () => {
  vi.useFakeTimers()
  try {
    let now = 1_000
    const floor = createFloor({ elapsed: () => now, floorMs: 100, expectedMs: () => 0 })
    const left: string[] = []
    floor.release(floor.begin(), () => left.push('quick'))
    now += 1
    floor.release(1_100, () => left.push('slow'))
    now = 1_099
    vi.advanceTimersByTime(100)
    expect(left).toEqual([])
    now = 1_100
    vi.advanceTimersByTime(1)
    expect(left).toEqual(['quick', 'slow'])
  } finally {
    vi.useRealTimers()
  }
})

test('while verifications wait, refusals without one wait as long', () => {
  const floor = createFloor({ elapsed: () => 0, floorMs: 100, expectedMs: () => 300 })
  expect(floor.begin()).toBe(300)
})

test('a floor of none releases at once', () => {
  const floor = createFloor({ elapsed: () => 0, floorMs: 0, expectedMs: () => 300 })
  let at = 'held'
  floor.release(floor.begin(), () => (at = 'released'))
  expect(at).toBe('released')
})
