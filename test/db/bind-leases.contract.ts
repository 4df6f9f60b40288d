import { describe, expect, test } from 'vitest'
import { LEASE_MS, renewMsOf, type BindLeases, type Lease } from '../../db/bind-leases.ts'

/** A clock that the test moves, in ms. */
export type LeaseClock = { at: number }

/** What every store of bind leases keeps to; `create` makes an empty one on that clock. */
export const bindLeasesContract = (
  name: string,
  create: (clock: LeaseClock) => BindLeases,
): void => {
  const start = (): { clock: LeaseClock; leases: BindLeases } => {
    const clock = { at: 1_000 }
    return { clock, leases: create(clock) }
  }
  const lease = (id: string, limit = 2, userKey = 'alice'): Lease => ({ id, limit, userKey })

  describe(`bind leases: ${name}`, () => {
    test('twenty that ask at once for two places get two', async () => {
      const { leases } = start()
      const asked = Array.from({ length: 20 }, (_, i) => leases.take(lease(`bind ${i}`)))
      const taken = (await Promise.all(asked)).filter(({ outcome }) => outcome === 'taken')
      expect(taken).toHaveLength(2)
      expect(await leases.count('alice')).toBe(2)
    })

    test('who finds no place is told of the first of the leases, whichever ends first', async () => {
      const { clock, leases } = start()
      await leases.take(lease('1'))
      clock.at += 1
      await leases.take(lease('2'))
      clock.at += 1
      await leases.renew(lease('1'))
      expect(await leases.take(lease('3'))).toEqual({ outcome: 'full', oldest: '1' })
    })

    test('a limit of none leaves no place, and nobody to ask', async () => {
      const { leases } = start()
      expect(await leases.take(lease('1', 0))).toEqual({ outcome: 'full', oldest: undefined })
    })

    test('who asks twice, not knowing whether it was heard, has one place', async () => {
      const { leases } = start()
      await leases.take(lease('1'))
      expect(await leases.take(lease('1'))).toEqual({ outcome: 'taken' })
      expect(await leases.count('alice')).toBe(1)
    })

    test('a place that is let go of is free, twice is once', async () => {
      const { leases } = start()
      await leases.take(lease('1', 1))
      await leases.release(lease('1'))
      await leases.release(lease('1'))
      expect((await leases.take(lease('2', 1))).outcome).toBe('taken')
      expect(await leases.count('alice')).toBe(1)
    })

    test('users do not take each other places', async () => {
      const { leases } = start()
      await leases.take(lease('1', 1))
      expect((await leases.take(lease('2', 1, 'bob'))).outcome).toBe('taken')
    })

    test('a lease lapses by itself, a renewed one does not', async () => {
      const { clock, leases } = start()
      await leases.take(lease('kept'))
      await leases.take(lease('left'))
      for (let ms = 0; ms <= LEASE_MS; ms += renewMsOf(LEASE_MS)) {
        clock.at += renewMsOf(LEASE_MS)
        expect(await leases.renew(lease('kept'))).toBe(true)
      }
      expect(await leases.count('alice')).toBe(1)
      clock.at += LEASE_MS
      expect(await leases.count('alice')).toBe(0)
    })

    test('a lease that is gone is taken again while there is room, and not beyond', async () => {
      const { clock, leases } = start()
      await leases.take(lease('3'))
      clock.at += LEASE_MS
      for (const id of ['1', '2']) await leases.take(lease(id))
      expect(await leases.renew(lease('3'))).toBe(false)
      expect(await leases.count('alice')).toBe(2)
      await leases.release(lease('2'))
      expect(await leases.renew(lease('3'))).toBe(true)
    })

    test('of those that are too many the newest goes, not the one that was forgotten', async () => {
      const { clock, leases } = start()
      for (const id of ['1', '2']) await leases.take(lease(id))
      clock.at += LEASE_MS
      expect(await leases.renew(lease('2'))).toBe(true)
      expect((await leases.take(lease('3'))).outcome).toBe('taken')
      expect(await leases.renew(lease('1'))).toBe(true)
      expect(await leases.count('alice')).toBe(2)
      expect(await leases.renew(lease('3'))).toBe(false)
      expect(await leases.renew(lease('2'))).toBe(true)
      await leases.release(lease('1'))
      expect(await leases.renew(lease('3'))).toBe(true)
    })

    test('a lease that holds is renewed though the limit is lower now', async () => {
      const { leases } = start()
      for (const id of ['1', '2']) await leases.take(lease(id))
      expect(await leases.renew(lease('2', 1))).toBe(true)
      expect(await leases.count('alice')).toBe(2)
    })
  })
}
