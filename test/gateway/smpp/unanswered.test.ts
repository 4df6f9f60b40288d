import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createUnanswered } from '../../../gateway/smpp/unanswered.ts'

/** Numbers that meet one another in small tables, and the ends of the range. */
const numbers = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 20 }).map((n) => n * 16),
  fc.constantFrom(0x7fffffff, 0x80000000, 0xffffffff),
  fc.integer({ min: 0, max: 0xffffffff }),
)
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ add: numbers, id: fc.constantFrom(4, 5, 0x103, 0x102ff) }),
    },
    { weight: 5, arbitrary: fc.record({ remove: numbers }) },
    { weight: 1, arbitrary: fc.constant({ age: true }) },
  ),
  { maxLength: 400 },
)

type Entry = { sequence: number; id: number; age: number }

describe('unanswered requests', () => {
  it('are a bag of numbers that forgets what two ages did not answer', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const unanswered = createUnanswered()
        let model: Entry[] = []
        for (const step of list) {
          if ('add' in step) {
            unanswered.add(step.add, step.id)
            model.push({ sequence: step.add, id: step.id, age: 0 })
          } else if ('remove' in step) {
            unanswered.remove(step.remove)
            // Of requests that share a number any may go: which one is not the bag's to know.
            const same = model.filter(({ sequence }) => sequence === step.remove)
            if (same.length > 1) return
            model = model.filter((entry) => entry !== same[0])
          } else {
            const kept = model.filter(({ age }) => age === 0)
            expect(unanswered.age()).toBe(model.length - kept.length)
            model = kept.map((entry) => ({ ...entry, age: 1 }))
          }
          expect(unanswered.size()).toBe(model.length)
        }
        for (const { sequence } of model) expect(unanswered.has(sequence)).toBe(true)
        const drained: Entry[] = []
        unanswered.drain((sequence, id) => drained.push({ sequence, id, age: 0 }))
        const key = ({ sequence, id }: Entry): string => `${sequence} ${id}`
        expect(drained.map(key).sort()).toEqual(model.map(key).sort())
        expect(unanswered.size()).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  it('count one number as often as it is asked', () => {
    const unanswered = createUnanswered()
    for (let times = 0; times < 3; times++) unanswered.add(7, 4)
    unanswered.remove(7)
    expect(unanswered.size()).toBe(2)
    unanswered.remove(7)
    unanswered.remove(7)
    expect(unanswered.has(7)).toBe(false)
    unanswered.remove(7)
    expect(unanswered.size()).toBe(0)
  })

  it('are not mistaken for others by what they do not hold', () => {
    const unanswered = createUnanswered()
    expect(unanswered.has(0)).toBe(false)
    unanswered.remove(0)
    expect(unanswered.size()).toBe(0)
  })
})
