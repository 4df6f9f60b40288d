import { expect, test } from 'vitest'
import { createLive, type Live, type LiveObject } from '../../gateway/live.ts'
import { permit, refuse } from '../../policies/decision.ts'

/** An object that is permitted while `allowed` holds, and tells why it was ended. */
const objectOf = (live: Live, userId: string, kind: LiveObject['kind'], allowed: boolean) => {
  const ended: string[] = []
  const object: LiveObject = {
    id: `${userId}-${kind}`,
    userId,
    accountId: 'acme',
    target: 'GET /',
    kind,
    source: '192.0.2.1',
    since: 1,
    judge: (user) => {
      if (user === undefined) return refuse('user-unknown')
      return allowed ? permit : refuse('user-disabled')
    },
    end: (reason) => {
      ended.push(reason)
      live.delete(object)
    },
  }
  live.add(object)
  return ended
}

const anyone = {} as Parameters<Live['review']>[1]

test('a review ends what is no longer permitted, for its reason, and leaves the rest', () => {
  const live = createLive()
  const stays = objectOf(live, 'alice', 'http', true)
  const goes = objectOf(live, 'alice', 'bind', false)
  const other = objectOf(live, 'bob', 'bind', false)
  live.review('alice', anyone)
  expect([stays, goes, other]).toEqual([[], ['user-disabled'], []])
  expect(live.size()).toBe(2)
})

test('what a user has open is told, and nothing of others', () => {
  const live = createLive()
  objectOf(live, 'alice', 'http', true)
  objectOf(live, 'alice', 'bind', true)
  objectOf(live, 'bob', 'bind', true)
  expect(live.of('alice')).toEqual([
    { id: 'alice-http', kind: 'http', source: '192.0.2.1', since: 1 },
    { id: 'alice-bind', kind: 'bind', source: '192.0.2.1', since: 1 },
  ])
  expect(live.of('carol')).toEqual([])
})

test('of a user that is gone everything ends', () => {
  const live = createLive()
  const ended = objectOf(live, 'alice', 'http', true)
  live.review('alice', undefined)
  expect(ended).toEqual(['user-unknown'])
  expect(live.has('alice')).toBe(false)
})

test('one kind can be ended before the others', () => {
  const live = createLive()
  const bind = objectOf(live, 'alice', 'bind', true)
  const stream = objectOf(live, 'alice', 'http', true)
  live.endAll('unavailable', 'bind')
  expect([bind, stream]).toEqual([['unavailable'], []])
  live.endAll('unavailable')
  expect([live.size(), stream]).toEqual([0, ['unavailable']])
})
