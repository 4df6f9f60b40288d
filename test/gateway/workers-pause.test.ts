import { expect, test } from 'vitest'
import { pauseAfter, shortLives } from '../../gateway/workers-pause.ts'

/** The pauses after lives that follow one another in one place. */
const pauses = (lives: readonly { readonly wasUp: boolean; readonly livedMs: number }[]) => {
  let shortBefore = 0
  return lives.map((each) => {
    const life = { ...each, shortBefore }
    shortBefore = shortLives(life)
    return pauseAfter(life)
  })
}

const steady = { wasUp: true, livedMs: 10_000 }
const short = { wasUp: true, livedMs: 9_999 }
const never = { wasUp: false, livedMs: 300 }

test.each([
  ['at once after a steady life', [steady, steady], [0, 0]],
  ['at once after the first short life', [steady, short], [0, 0]],
  ['later and later after short lives', [short, short, short, short], [0, 500, 1_000, 2_000]],
  ['from the first time on when it never came up', [never, never, never], [500, 1_000, 2_000]],
  ['at once again after a steady life in between', [short, short, steady, short], [0, 500, 0, 0]],
] as const)('a worker is replaced %s', (_, lives, expected) => {
  expect(pauses(lives)).toEqual(expected)
})

test('no pause is longer than ten seconds', () => {
  const found = pauses(Array.from({ length: 2_000 }, () => never))
  expect(Math.max(...found)).toBe(10_000)
})
