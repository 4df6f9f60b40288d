import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFirstAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import { createUser, type NewUser } from '../../db/users.ts'
import { headerOnly, statuses } from '../../gateway/smpp/constants.ts'
import { createNumbers } from '../support/numbers.ts'
import { connectPeer } from '../support/raw-peer.ts'
import { bindPdu, refusalsOf, startSmppPair, type SmppPair } from '../support/smpp-pair.ts'

const FLOOR_MS = 150
const SAMPLES = 200
/** Distinct wrong secrets that a user is asked, one less than would lock. */
const GUESSES = 4
const AT_ONCE = 24

let pair: SmppPair

/** Who is asked for, by the true reason and the number of the sample. */
const kinds: Readonly<Record<string, (round: number, at: number) => string>> = {
  'user-unknown': (round, at) => `nobody-${round}-${at}`,
  'secret-wrong': (round, at) => `user-${round}-${at % (SAMPLES / GUESSES)}`,
  'user-locked': () => 'locked',
  'user-disabled': () => 'disabled',
  'source-not-safelisted': () => 'elsewhere',
  'basic-not-allowed': () => 'switched-off',
}

/** From the last octet of a bind to the last of its answer, in ms. */
const sample = async (username: string, password: string): Promise<number> => {
  const peer = await connectPeer(pair.gateway.smppPort)
  const octets = bindPdu({ username, password, sequence: 7 })
  const began = performance.now()
  peer.send(octets)
  const answer = await peer.take(16)
  const took = performance.now() - began
  await peer.ended
  expect(Buffer.concat([answer, peer.untaken()])).toEqual(
    headerOnly(0x80000009, statuses.ESME_RBINDFAIL, 7),
  )
  return took
}

beforeAll(async () => {
  // Every refusal waits in the line of passwords; one of four lanes moves fast enough for a test.
  const lanes = { concurrency: 4 }
  pair = await startSmppPair({ file: { limits: { floorMs: FLOOR_MS }, hashing: lanes } })
  const { database, hashing } = pair.gateway.core
  const account = await findFirstAccount(database)
  const hashed = await hashing.hash(Buffer.from('the-right-secret'))
  if (account === undefined || hashed.outcome !== 'hashed') throw new Error('not begun')
  const add = (username: string, more: Partial<NewUser> = {}) =>
    transact(database, (tx) =>
      createUser(tx, {
        ...{ actor, accountId: account.id, username, passwordHash: hashed.phc },
        ...{ apiAccess: { http: true, smpp: true }, ...more },
      }),
    )
  await add('locked')
  await add('disabled', { enabled: false })
  await add('elsewhere', { safelist: [{ range: '203.0.113.0/24' }] })
  await add('switched-off', { apiAccess: { http: true, smpp: false } })
  for (let at = 0; at < SAMPLES; at++)
    if (at % GUESSES === 0) for (const round of [0, 1]) await add(`user-${round}-${at / GUESSES}`)
  for (let at = 0; at < 5; at++) await sample('locked', `guess ${at}`)
})
afterAll(() => pair.stop())

/** How often a value of the one is above a value of the other: 0.5 tells nothing. */
const areaUnderCurve = (ones: readonly number[], others: readonly number[]): number => {
  const all = [
    ...ones.map((value) => ({ value, isOne: true })),
    ...others.map((value) => ({ value, isOne: false })),
  ]
  let below = 0
  let area = 0
  for (const { isOne } of all.toSorted((a, b) => a.value - b.value)) {
    if (isOne) area += below
    else below += 1
  }
  return area / (ones.length * others.length)
}

/** Samples of all kinds in a random order, a few at a time. */
const collect = async (round: number): Promise<ReadonlyMap<string, number[]>> => {
  const next = createNumbers(round)
  const times = new Map(Object.keys(kinds).map((kind) => [kind, [] as number[]]))
  const jobs = Object.entries(kinds)
    .flatMap(([kind, nameOf]) =>
      Array.from({ length: SAMPLES }, (_, at) => ({ kind, name: nameOf(round, at), at })),
    )
    .map((job) => ({ ...job, turn: next() }))
    .toSorted((a, b) => a.turn - b.turn)
  const work = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift())
      times.get(job.kind)?.push(await sample(job.name, `guess ${job.at}`))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return times
}

/** The kinds that a classifier on time tells from the rest better than it may, and which way. */
const tellTales = (times: ReadonlyMap<string, number[]>): string[] =>
  [...times].flatMap(([kind, ones]) => {
    const others = [...times].filter(([other]) => other !== kind).flatMap(([, some]) => some)
    const area = areaUnderCurve(ones, others)
    if (Math.abs(area - 0.5) <= 0.05) return []
    return [`${kind} ${area > 0.5 ? 'late' : 'early'}`]
  })

test(
  'D6 neither octets nor time tell one refusal of a bind from another',
  { timeout: 240_000 },
  async () => {
    const first = await collect(0)
    // With so few samples chance alone goes beyond the bound now and then, but not twice alike.
    const suspects = tellTales(first)
    const again = suspects.length === 0 ? [] : tellTales(await collect(1))
    expect(suspects.filter((suspect) => again.includes(suspect))).toEqual([])
    expect(Math.min(...[...first.values()].flat())).toBeGreaterThanOrEqual(FLOOR_MS)
    expect(new Set(await refusalsOf(pair.gateway))).toEqual(new Set(Object.keys(kinds)))
  },
)
