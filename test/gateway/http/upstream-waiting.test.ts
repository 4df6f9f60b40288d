import { expect, test } from 'vitest'
import { createUpstream, type UpstreamLimits } from '../../../gateway/http/upstream.ts'

const limits: UpstreamLimits = {
  connections: 2,
  waiting: 10,
  connectMs: 2_000,
  timeoutMs: 2_000,
  idleMs: 1_000,
}

test('all who wait are told that an upstream is down, also those beyond its connections', async () => {
  // Port 1 on loopback: nothing listens, and the kernel says so at once.
  const upstream = createUpstream(new URL('http://127.0.0.1:1'), limits, () => performance.now())
  const told = await Promise.all(
    Array.from({ length: 7 }, () => new Promise((resolve) => upstream.acquire(resolve))),
  )
  expect(told).toEqual(Array.from({ length: 7 }, () => 'unreachable'))
  upstream.close()
})

test('who comes when too many wait is told so', () => {
  const few = { ...limits, waiting: 1 }
  const upstream = createUpstream(new URL('http://127.0.0.1:1'), few, () => performance.now())
  const withdraw = upstream.acquire(() => undefined)
  let told: unknown
  upstream.acquire((got) => (told = got))
  expect(told).toBe('overloaded')
  withdraw()
  upstream.close()
})
