import { expect, test } from 'vitest'
import { createFloor, type FloorOptions, type Place } from '../../gateway/floor.ts'
import type { Attempt, Decision } from '../../policies/ports.ts'

const options: FloorOptions = {
  elapsed: () => performance.now(),
  floorMs: 40,
  usualMs: () => 30,
  concurrency: 1,
  queue: 9,
}
const attempt = (kind: 'password' | 'absent'): Attempt => ({
  channel: 'http',
  client: undefined,
  credential: kind === 'absent' ? { kind } : { kind, username: 'a', secret: Buffer.from('b') },
  route: {},
})
const password = attempt('password')
const refusal: Decision = { effect: 'refuse', reason: 'user-unknown', id: '' }
const permit: Decision = { effect: 'permit', id: '' }
const deciding = Promise.resolve(refusal)

const released = (floor: ReturnType<typeof createFloor>, place: Place): Promise<number> =>
  new Promise((resolve) => {
    floor.release(place, () => {
      resolve(performance.now())
    })
  })

test('nothing is released before its floor, nor more than a step and a moment after it', async () => {
  const floor = createFloor(options)
  const began = performance.now()
  const places = Array.from({ length: 200 }, () =>
    floor.placeOf(attempt('absent'), refusal, performance.now()),
  )
  for (const time of await Promise.all(places.map((place) => released(floor, place)))) {
    expect(time - began).toBeGreaterThanOrEqual(40)
    // A busy machine may need ten times as long.
    expect(time - began).toBeLessThan(1_000)
  }
})

test('those of one moment leave in the order in which they came, whatever was decided first', async () => {
  const floor = createFloor(options)
  const places = [1, 2, 3].map(() => floor.placeOf(attempt('absent'), refusal, 1_000.5))
  const at = performance.now() + 20
  const left: number[] = []
  await Promise.all(
    [2, 0, 1].map(async (index) => {
      await released(floor, { at, turn: places[index]?.turn ?? 0 })
      left.push(index)
    }),
  )
  expect(left).toEqual([0, 1, 2])
})

test.each([
  ['one that is compared', deciding],
  ['one that is refused without', refusal],
])('takes its turn in the line: %s', (_, decision) => {
  const floor = createFloor(options)
  const ends = Array.from({ length: 4 }, () => floor.placeOf(password, decision, 1_000).at)
  expect(ends).toEqual([1_040, 1_060, 1_090, 1_120])
})

test('the line is no longer than what would wait, and empties with time', () => {
  const floor = createFloor({ ...options, concurrency: 2 })
  const ends = Array.from({ length: 100 }, () => floor.placeOf(password, refusal, 1_000).at)
  expect(ends.at(-1)).toBe(1_180)
  expect(floor.placeOf(password, refusal, 1_100).at).toBe(1_200)
  expect(floor.placeOf(password, refusal, 9_000).at).toBe(9_040)
})

test('what is let in at once, or has no password, takes no turn', () => {
  const floor = createFloor(options)
  for (let i = 0; i < 100; i++) {
    expect(floor.placeOf(password, permit, 1_000).at).toBe(1_040)
    expect(floor.placeOf(attempt('absent'), deciding, 1_000).at).toBe(1_040)
  }
  expect(floor.placeOf(password, refusal, 1_000).at).toBe(1_040)
})

test('a floor of none releases at once', () => {
  const floor = createFloor({ ...options, floorMs: 0 })
  let at = 'held'
  for (let i = 0; i < 100; i++)
    floor.release(floor.placeOf(password, refusal, performance.now()), () => (at = 'released'))
  expect(at).toBe('released')
})
