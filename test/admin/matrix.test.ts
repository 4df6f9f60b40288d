import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import { apiKeys, devices, sessions } from '../../db/schema/credentials.ts'
import { invites, passwordResets } from '../../db/schema/proofs.ts'
import { digestToken } from '../../db/secrets.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { createOwners, planted } from '../support/api-things.ts'
import { made } from '../support/database.ts'
import { askAll, writeMatrix, type MatrixAnswer } from '../support/matrix.ts'
import { fetchDocument, nameOf } from '../support/operations.ts'
import { root } from '../support/source-files.ts'

const file = join(root, 'test/admin/matrix.txt')
const password = `a secret that is ${planted}`

let server: TestAdmin
let answers: readonly MatrixAnswer[]

beforeAll(async () => {
  server = await startAdmin({ file: { limits: { floorMs: 0 }, sourceBudget: { limit: 1e9 } } })
  const owners = await createOwners(server, password)
  const other = made(
    await transact(server.core.database, (tx) => createAccount(tx, { actor, name: 'other' })),
  )
  answers = await askAll(server, await fetchDocument(server.adminUrl), {
    password,
    make: (account, role, { collections, isGiven }) => {
      const isGreater = role === 'account-admin'
      return owners(
        {
          ...{ role, isGiven, accountId: account === 'own' ? server.accountId : other.id },
          gives: isGreater ? { permissions: ['*'], role } : { permissions: [], role: 'api-user' },
        },
        collections,
      )
    },
  })
}, 120_000)
afterAll(() => server.stop())

const placeOf = ({ operation, role, column }: MatrixAnswer): string =>
  `${nameOf(operation)} ${role} ${column}`

test('who may do what to whose is as it is written (H5)', async () => {
  const table = writeMatrix(answers)
  if (process.env['WRITE_MATRIX'] === '1') await writeFile(file, table)
  const written = await readFile(file, 'utf8').catch(() => '')
  const how = 'if this is meant: WRITE_MATRIX=1 npx vitest run test/admin/matrix.test.ts'
  expect(table, `${how}, and read what has changed in test/admin/matrix.txt`).toBe(written)
})

test('every answer is one that the document names', () => {
  const unnamed = answers
    .filter(({ operation, status }) => operation.responses[status] === undefined)
    .map((answer) => `${placeOf(answer)}: ${answer.status}`)
  expect(unnamed).toEqual([])
  const untyped = answers
    .filter(({ operation, status, type }) => {
      const { content } = operation.responses[status] ?? {}
      return status < 400 && type !== (Object.keys(content ?? {})[0] ?? '')
    })
    .map((answer) => `${placeOf(answer)}: ${answer.type}`)
  expect(untyped).toEqual([])
})

/** Every digest that is kept, and every way in which the installation's key may be written. */
const keptSecrets = async ({ core: { database } }: TestAdmin): Promise<ReadonlySet<string>> => {
  const { queries, key } = database
  const kept = [
    ...(await queries.select().from(apiKeys)).flatMap((row) => [row.digest, row.previousDigest]),
    ...(await queries.select().from(sessions)).map(({ digest }) => digest),
    ...(await queries.select().from(devices)).map(({ digest }) => digest),
    ...(await queries.select().from(invites)).map(({ digest }) => digest),
    ...(await queries.select().from(passwordResets)).map(({ digest }) => digest),
    Buffer.from(key).toString('hex'),
  ]
  return new Set(kept.filter((it) => it !== null))
}

/** The secrets of keys, which two operations answer once. */
const issuedIn = ({ text }: MatrixAnswer): string[] =>
  Array.from(text.matchAll(/"secret":"([^"]+)"/g), ([, secret = '']) => secret)

test('no answer holds a hash, a seed or a secret, but a key that is issued (H6)', async () => {
  const kept = await keptSecrets(server)
  expect(kept.size).toBeGreaterThan(500)
  const issued = answers.flatMap((answer) => issuedIn(answer).map((secret) => ({ secret, answer })))
  expect(new Set(issued.map(({ answer }) => answer.operation.operationId))).toEqual(
    new Set(['createApiKey', 'rotateApiKey']),
  )
  for (const { secret } of issued) expect(kept).toContain(digestToken(secret))
  const told = answers.filter(
    (answer) =>
      (answer.text.match(/[0-9a-f]{64}/gi) ?? []).some((it) => kept.has(it.toLowerCase())) ||
      /\$argon2|credentialEpoch|sealedSeed|passwordHash|"(previousD|d)igest"/i.test(answer.text) ||
      answer.text.includes(planted) ||
      issued.some((it) => it.answer !== answer && answer.text.includes(it.secret)),
  )
  expect(told.map(placeOf)).toEqual([])
})
