import { describe, expect, it, test } from 'vitest'
import { renderProblem } from '../../policies/problem.ts'
import type { Reason } from '../../policies/reasons.ts'

const id = '01920000-0000-7000-8000-000000000000'
const now = 1_000_000

const fieldsOf = (reason: Reason, retryAt?: number): Record<string, string> =>
  Object.fromEntries(renderProblem(reason, id, { retryAt, now }).fields)

test('a refusal is a problem with the envelope, under the id of its decision', () => {
  const { status, fields, body } = renderProblem('secret-wrong', id, { now })
  expect(status).toBe(401)
  expect(Object.fromEntries(fields)).toEqual({
    'Content-Type': 'application/problem+json',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    'x-sallyport-decision': id,
    'WWW-Authenticate': 'Basic realm="sallyport", charset="UTF-8"',
  })
  expect(JSON.parse(body)).toEqual({
    type: 'urn:sallyport:unauthorized',
    title: 'Invalid login details',
    status: 401,
    instance: `urn:uuid:${id}`,
    requestError: {
      serviceException: { messageId: 'UNAUTHORIZED', text: 'Invalid login details' },
    },
  })
})

test('a method that is not allowed is told which are', () => {
  expect(fieldsOf('method-not-allowed')['Allow']).toContain('GET')
})

test('a reason without a reading on HTTP is 500', () => {
  expect(renderProblem('bind-limit-reached', id, { now }).status).toBe(500)
})

describe('Retry-After', () => {
  it.each<[Reason, number | undefined, string | undefined]>([
    ['source-over-budget', now + 1_500, '2'],
    ['overloaded', undefined, '1'],
    ['unavailable', now - 5_000, '1'],
    // A lock looks like a wrong password, so it does not say when it ends.
    ['user-locked', now + 1_500, undefined],
    ['upstream-timeout', now + 1_500, undefined],
  ])('of %s, when it may be tried again at %s, is %s', (reason, retryAt, seconds) => {
    expect(fieldsOf(reason, retryAt)['Retry-After']).toBe(seconds)
  })
})
