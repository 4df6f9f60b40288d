import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createTagSeal } from '../../db/decision-ids.ts'
import { createIds, parseId, timeOfId } from '../../db/ids.ts'
import { someTime } from '../support/database.ts'

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const isAscending = (ids: readonly string[]): boolean =>
  ids.every((id, at) => at === 0 || id > (ids[at - 1] ?? ''))

describe('ids', () => {
  it('are UUIDs of version 7 that carry their instant', () => {
    const newId = createIds({ now: () => someTime, random: randomBytes })
    const id = newId()
    expect(id).toMatch(form)
    expect(timeOfId(id)).toBe(someTime)
    expect(parseId(id.toUpperCase())).toBe(id)
  })

  it('ascend within a millisecond, beyond what its counter holds', () => {
    const newId = createIds({ now: () => someTime, random: randomBytes })
    const ids = Array.from({ length: 20_000 }, newId)
    expect(isAscending(ids)).toBe(true)
    expect(ids.every((id) => form.test(id))).toBe(true)
  })

  it('ascend while the clock is set back', () => {
    const clock = { at: someTime }
    const newId = createIds({ now: () => clock.at, random: randomBytes })
    const ids = Array.from({ length: 100 }, () => {
      clock.at -= 1000
      return newId()
    })
    expect(isAscending(ids)).toBe(true)
  })

  it('differ between two makers at the same instant', () => {
    const make = () => createIds({ now: () => someTime, random: randomBytes })
    const ids = [make(), make(), make()].flatMap((newId) => Array.from({ length: 5000 }, newId))
    expect(new Set(ids).size).toBe(15_000)
  })

  it.each(['', 'x', '01a20d78-38a6-4037-af3f-32508fbb0ebb', '01a20d7838a67037af3f32508fbb0ebb'])(
    'are not %j',
    (text) => {
      expect(parseId(text)).toBeUndefined()
    },
  )
})

describe('a sealed tag', () => {
  const key = randomBytes(32)
  const { seal, open } = createTagSeal(key)
  const newId = createIds({ now: () => someTime, random: randomBytes })
  const tag = '0123456789ab'

  it('is found again, in an id that is still an id of that instant', () => {
    const id = seal(newId(), tag)
    expect(id).toMatch(form)
    expect(timeOfId(id)).toBe(someTime)
    expect(open(id)).toBe(tag)
    expect(open(id.toUpperCase())).toBe(tag)
  })

  it('shows nothing without the key: equal tags differ, in every bit as often as not', () => {
    const ids = Array.from({ length: 4000 }, () => seal(newId(), tag))
    const ends = ids.map((id) => BigInt(`0x${id.slice(24)}`))
    expect(new Set(ends).size).toBe(ids.length)
    for (let bit = 0n; bit < 48n; bit++) {
      const ones = ends.filter((end) => ((end >> bit) & 1n) === 1n).length
      expect(ones, `bit ${bit}`).toBeGreaterThan(1800)
      expect(ones, `bit ${bit}`).toBeLessThan(2200)
    }
    expect(createTagSeal(randomBytes(32)).open(ids[0] ?? '')).not.toBe(tag)
  })

  it('is not in what is no id', () => {
    expect(open('not an id')).toBeUndefined()
  })
})
