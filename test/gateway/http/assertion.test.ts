import { exportJWK, generateKeyPair } from 'jose'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Database } from '../../../db/database.ts'
import { meta } from '../../../db/schema/accounts.ts'
import { createAssertions } from '../../../gateway/http/assertion.ts'
import { byHand, placeOf, someTime, temporaryDatabase } from '../../support/database.ts'

const assertionsOf = (database: Database) =>
  createAssertions({
    database,
    oldFile: oldFileOf(database),
    issuer: 'sallyport',
    lifetimeMs: 60_000,
    now: () => 0,
    random: randomBytes,
  })

const oldFileOf = (database: Database): string =>
  join(placeOf(database), '..', 'assertion.key.json')

test('nodes that start together on a new directory sign with the same key', async () => {
  const one = await temporaryDatabase()
  const other = await temporaryDatabase({ at: someTime }, placeOf(one))
  const made = await Promise.all(
    Array.from({ length: 8 }, (_, at) => assertionsOf(at % 2 === 0 ? one : other)),
  )
  const keys = new Set(made.map(({ jwks }) => JSON.stringify(jwks)))
  expect(keys.size).toBe(1)
})

test('the key of an older version is taken over, and its file is gone', async () => {
  const database = await temporaryDatabase()
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  writeFileSync(oldFileOf(database), JSON.stringify(jwk))
  const first = await assertionsOf(database)
  expect(first.jwks.keys).toMatchObject([{ x: jwk.x, y: jwk.y }])
  expect(existsSync(oldFileOf(database))).toBe(false)
  expect((await assertionsOf(database)).jwks).toEqual(first.jwks)
  const kept = JSON.stringify(await database.queries.select().from(meta))
  expect(kept).not.toContain(jwk.d)
  expect(kept).not.toContain('"crv"')
})

test('a key that was tampered with is named, and no other is made in its place', async () => {
  const database = await temporaryDatabase()
  await assertionsOf(database)
  await byHand(database, "update meta set value = 'x' || value where key = 'assertion.key'")
  await expect(assertionsOf(database)).rejects.toThrow('assertion.key')
})

test('an old file that cannot be read is named', async () => {
  const database = await temporaryDatabase()
  writeFileSync(oldFileOf(database), '{')
  await expect(assertionsOf(database)).rejects.toThrow('assertion.key.json')
  expect(existsSync(oldFileOf(database))).toBe(true)
})
