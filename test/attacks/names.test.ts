import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFirstAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import { findRefusal } from '../../db/refusals.ts'
import { createUser } from '../../db/users.ts'
import { foldUsername, parseUsername } from '../../policies/names.ts'
import { countHashes, passwordAttempt, userKeyOf, wordOf } from '../support/attempts.ts'
import { basic, startGateway, type TestGateway } from '../support/gateway.ts'
import { exchangeRaw, statusesIn } from '../support/raw.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'

let upstream: TestUpstream
let gateway: TestGateway
let hashes: () => number

const right = 'the-right-secret'

beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({
    env: { HTTP_UPSTREAM: upstream.url },
    file: { limits: { floorMs: 0 } },
    users: [
      { username: 'John', password: right },
      { username: 'Jane', password: right },
      { username: 'kelvin', password: right },
    ],
  })
  hashes = countHashes(gateway.core).hashes
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

const call = (username: string, password: string): Promise<Response> =>
  fetch(gateway.url, { headers: { authorization: basic(username, password) } })

const reasonOf = async (response: Response): Promise<string | null | undefined> => {
  await gateway.core.refusals.flush()
  const id = response.headers.get('x-sallyport-decision') ?? ''
  return (await findRefusal(gateway.core.database, id))?.event.reason
}

/** A refusal as it is seen from outside, but for its id and the time. */
const seenOf = async (response: Response): Promise<unknown> => {
  const id = response.headers.get('x-sallyport-decision') ?? ''
  const fields = [...response.headers].filter(
    ([name]) => name !== 'x-sallyport-decision' && name !== 'date',
  )
  return { status: response.status, fields, body: (await response.text()).replace(id, 'ID') }
}

test('C1 every spelling of a name is one user, one cache entry and one counter', async () => {
  const spellings = ['John', 'john', 'JOHN', 'jOhN']
  for (const spelling of spellings) expect((await call(spelling, right)).status).toBe(200)
  expect(hashes()).toBe(1)
  expect(upstream.seen.map(({ fields }) => fields['x-sallyport-user'])).toEqual(
    spellings.map(() => 'John'),
  )
  for (let at = 0; at < 5; at++)
    expect((await call(spellings[at % 4] ?? '', `guess ${at}`)).status).toBe(401)
  for (const spelling of spellings)
    expect(await reasonOf(await call(spelling, right))).toBe('user-locked')
  const john = await gateway.core.directory.find('john')
  const key = userKeyOf(gateway.core, john?.user.id ?? '')
  expect(await gateway.core.attempts.state(key)).toHaveLength(1)
})

const make = async (username: string, email?: string) => {
  const { database } = gateway.core
  const account = await findFirstAccount(database)
  const accountId = account?.id ?? ''
  return transact(database, (tx) => createUser(tx, { actor, accountId, username, email }))
}

test.each(['JANE', 'jane', 'jAnE'])('C1 %s is taken by Jane', async (username) => {
  expect(await make(username)).toEqual({ refused: 'username-taken' })
})

test('D4 names and passwords whose joint is ambiguous share nothing', async () => {
  await gateway.addUser({ username: 'abc', password: 'd:efghijklmnop' })
  expect((await call('abc', 'd:efghijklmnop')).status).toBe(200)
  for (const [name, password] of [
    ['abc:d', 'efghijklmnop'],
    ['abcd', ':efghijklmnop'],
    ['ab', 'cd:efghijklmnop'],
  ] as const)
    expect((await call(name, password)).status).toBe(name === 'abc:d' ? 200 : 401)
})

const hostile: readonly (readonly [string, string])[] = [
  ['a blank before', ' john'],
  ['a blank behind', 'john '],
  ['a blank within', 'jo hn'],
  ['a no-break space behind', 'john\u00a0'],
  ['a tab', 'john\t'],
  ['a line feed', 'jo\nhn'],
  ['CR and LF', 'john\r\nx-sallyport-user: admin'],
  ['NUL', 'john\0'],
  ['NUL and more', 'john\0admin'],
  ['a C1 control', 'john\u0085'],
  ['a BOM', '\ufeffjohn'],
  ['full-width letters', 'ｊｏｈｎ'],
  ['a zero-width space', 'jo\u200bhn'],
  ['a zero-width joiner', 'jo\u200dhn'],
  ['a right-to-left override', '\u202enhoj'],
  ['a soft hyphen', 'jo\u00adhn'],
  ['the Kelvin sign', '\u212aelvin'],
  ['a dotless i', 'kelvın'],
  ['a combining mark', 'john\u0301'],
  ['a lone name of two', 'jo'],
  ['no name', ''],
  ['a name of 65', 'j'.repeat(65)],
  ['a property of objects', '__proto__'],
  ['another property of objects', 'constructor'],
]

test.each(hostile)('C2 %s is refused at the door as any other name is', async (_, username) => {
  const ordinary = await seenOf(await call('nobody-at-all', right))
  const before = { hashes: hashes(), seen: upstream.seen.length }
  const response = await call(username, right)
  expect(await seenOf(response.clone())).toEqual(ordinary)
  expect(['credential-malformed', 'user-unknown']).toContain(await reasonOf(response))
  expect({ hashes: hashes(), seen: upstream.seen.length }).toEqual(before)
})

test.each(hostile)('C2 %s is refused in process, on every channel', async (_, username) => {
  for (const channel of ['http', 'smpp', 'web'] as const) {
    const attempt = passwordAttempt(username, right, '198.51.100.7', channel)
    expect(wordOf(await gateway.core.authorize(attempt))).toBe('user-unknown')
  }
})

const unusual = hostile.filter(([, name]) => !/^[\w]{3,64}$/.test(name))

test.each(unusual)('C2 %s makes no user: a fault of the username', async (_, username) => {
  expect(parseUsername(username)).toBeUndefined()
  expect(await make(username)).toMatchObject({ faults: [{ path: 'username' }] })
  expect(await gateway.core.directory.find(foldUsername(username))).toBeUndefined()
})

test.each(['a@ex.com,evil@x', 'a@ex.com\r\nBcc: x', 'a@ex.com\0', ' a@ex.com', 'a', 'ａ@ex.com'])(
  'C3 %j makes no user: a fault of the e-mail address',
  async (email) => {
    expect(await make('mailed', email)).toMatchObject({ faults: [{ path: 'email' }] })
  },
)

const credential = (name: string): string => basic(name, right)

test.each([
  ['two lines', `Authorization: ${credential('Jane')}\r\nAuthorization: ${credential('Jane')}\r\n`],
  [
    'two users',
    `Authorization: ${credential('Jane')}\r\nAuthorization: ${credential('kelvin')}\r\n`,
  ],
  ['two in a line', `Authorization: ${credential('Jane')}, ${credential('kelvin')}\r\n`],
  ['a key beside a password', `Authorization: ${credential('Jane')}\r\nauthorization: App abc\r\n`],
  [
    'a list of one scheme',
    `Authorization: ${credential('Jane')},${credential('Jane').slice(6)}\r\n`,
  ],
])('B7 with %s none is tried: 400', async (_, fields) => {
  const before = { hashes: hashes(), seen: upstream.seen.length }
  const request = `GET / HTTP/1.1\r\nHost: localhost\r\n${fields}Connection: close\r\n\r\n`
  const { text } = await exchangeRaw(gateway.port, request)
  expect(statusesIn(text)).toEqual([400])
  expect({ hashes: hashes(), seen: upstream.seen.length }).toEqual(before)
  for (const name of ['jane', 'kelvin']) {
    const resident = await gateway.core.directory.find(name)
    const key = userKeyOf(gateway.core, resident?.user.id ?? '')
    expect(await gateway.core.attempts.state(key)).toEqual([])
  }
})
