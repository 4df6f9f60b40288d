import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createAssertions } from '../../../gateway/http/assertion.ts'
import { temporaryFolder } from '../../support/database.ts'

test('processes that start together on a new folder sign with the same key', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'assertion.key.json')
  const options = { file, issuer: 'sallyport', lifetimeMs: 60_000, now: () => 0 }
  const made = await Promise.all(Array.from({ length: 8 }, () => createAssertions(options)))
  const keys = new Set(made.map(({ jwks }) => JSON.stringify(jwks)))
  expect(keys.size).toBe(1)
  expect(readdirSync(folder)).toEqual(['assertion.key.json'])
  expect(statSync(file).mode & 0o777).toBe(0o600)
})
