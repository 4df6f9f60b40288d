import { expect, it } from 'vitest'
import { createSystem } from '../../gateway/system.ts'

it('is the clock of the machine, one that never runs back, and bytes that nobody guesses', () => {
  const system = createSystem()
  expect(Math.abs(system.now() - Date.now())).toBeLessThan(1_000)
  expect(system.elapsed()).toBeLessThanOrEqual(system.elapsed())
  expect(system.random(32)).toHaveLength(32)
  expect(system.random(32)).not.toEqual(system.random(32))
})
