import { expect, test } from 'vitest'
import { createBreaker } from '../../db/breaker.ts'

const start = (byte = 255) => {
  const told: boolean[] = []
  const breaker = createBreaker({ random: () => Buffer.from([byte]), pauseMs: 100 })
  breaker.listen((isOpen) => told.push(isOpen))
  return { breaker, told }
}

test('opens after three failures in a row, and tells so once', () => {
  const { breaker, told } = start()
  breaker.failed(0)
  breaker.failed(0)
  breaker.succeeded()
  breaker.failed(0)
  breaker.failed(0)
  expect(breaker.isOpen()).toBe(false)
  for (let at = 0; at < 5; at++) breaker.failed(0)
  expect(breaker.isOpen()).toBe(true)
  expect(told).toEqual([true])
})

test('opens at once when there is no connection', () => {
  const { breaker, told } = start()
  breaker.lost(0)
  breaker.lost(0)
  expect(told).toEqual([true])
})

test('lets one probe go per pause, and each pause is longer than the one before', () => {
  const { breaker } = start()
  breaker.lost(0)
  const probes: number[] = []
  for (let now = 0; now <= 10_000; now++) {
    if (!breaker.takeProbe(now)) continue
    expect(breaker.takeProbe(now)).toBe(false)
    probes.push(now)
    breaker.probed(false, now)
  }
  const pauses = probes.map((at, index) => at - (probes[index - 1] ?? 0))
  expect(pauses).toEqual([...pauses].sort((one, other) => one - other))
  expect(pauses[0]).toBe(100)
  expect(Math.max(...pauses)).toBe(1_997)
})

test('probes at another moment than a node that drew another number', () => {
  const dueAt = (byte: number): number => {
    const { breaker } = start(byte)
    breaker.lost(0)
    let now = 0
    while (!breaker.takeProbe(now)) now++
    return now
  }
  expect([dueAt(0), dueAt(128), dueAt(255)]).toEqual([50, 75, 100])
})

test('closes when a probe works and by nothing else', () => {
  const { breaker, told } = start()
  breaker.lost(0)
  breaker.succeeded()
  expect(breaker.isOpen()).toBe(true)
  expect(breaker.takeProbe(100)).toBe(true)
  breaker.probed(true, 101)
  expect(breaker.isOpen()).toBe(false)
  expect(breaker.takeProbe(5_000)).toBe(false)
  breaker.failed(5_000)
  expect(breaker.isOpen()).toBe(false)
  expect(told).toEqual([true, false])
})
