import { describe, expect, test } from 'vitest'
import { LEASE_MS, RENEW_MS, type BindLeases } from '../../db/bind-leases.ts'

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
  const ask = (leases: BindLeases, id: string, limit = 2, userKey = 'alice') =>
    leases.take({ id, limit, userKey })

  describe(`bind leases: ${name}`, () => {
    test('twenty that ask at once for two places get two', async () => {
      const { leases } = start()
      const asked = Array.from({ length: 20 }, (_, i) => ask(leases, `bind ${i}`))
      const taken = (await Promise.all(asked)).filter(({ outcome }) => outcome === 'taken')
      expect(taken).toHaveLength(2)
      expect(await leases.count('alice')).toBe(2)
    })

    test('who finds no place is told of the lease that has lasted longest', async () => {
      const { leases } = start()
      await ask(leases, 'first')
      await ask(leases, 'second')
      expect(await ask(leases, 'third')).toEqual({ outcome: 'full', oldest: 'first' })
    })

    test('a limit of none leaves no place, and nobody to ask', async () => {
      const { leases } = start()
      expect(await ask(leases, 'first', 0)).toEqual({ outcome: 'full', oldest: undefined })
    })

    test('a place that is let go of is free, twice is once', async () => {
      const { leases } = start()
      const first = await ask(leases, 'first', 1)
      if (first.outcome !== 'taken') throw new Error('no place')
      await leases.release(first.lease)
      await leases.release(first.lease)
      expect((await ask(leases, 'second', 1)).outcome).toBe('taken')
      expect(await leases.count('alice')).toBe(1)
    })

    test('users do not take each other places', async () => {
      const { leases } = start()
      await ask(leases, 'first', 1)
      expect((await ask(leases, 'second', 1, 'bob')).outcome).toBe('taken')
    })

    test('a lease lapses by itself, a renewed one does not', async () => {
      const { clock, leases } = start()
      const kept = await ask(leases, 'kept')
      await ask(leases, 'left')
      if (kept.outcome !== 'taken') throw new Error('no place')
      for (let ms = 0; ms <= LEASE_MS; ms += RENEW_MS) {
        clock.at += RENEW_MS
        expect(await leases.renew(kept.lease)).toBe(true)
      }
      expect(await leases.count('alice')).toBe(1)
      clock.at += LEASE_MS
      expect(await leases.renew(kept.lease)).toBe(false)
      expect(await leases.count('alice')).toBe(0)
    })
  })
}
