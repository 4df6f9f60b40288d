import { createConfig, lintFromString } from '@redocly/openapi-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAdmin, type TestAdmin } from '../support/admin.ts'

let server: TestAdmin

beforeAll(async () => {
  server = await startAdmin()
})
afterAll(() => server.stop())

/** What the linter finds in a document; its warnings count. */
const lint = async (source: string): Promise<readonly string[]> => {
  const config = await createConfig({
    extends: ['recommended-strict'],
    // Beyond what is recommended: what readers of the page and makers of clients lean on.
    rules: {
      'no-invalid-schema-examples': 'error',
      'no-invalid-parameter-examples': 'error',
      'no-invalid-media-type-examples': 'error',
      'operation-singular-tag': 'error',
      'operation-tag-defined': 'error',
      'parameter-description': 'error',
      'tag-description': 'error',
    },
  })
  const found = await lintFromString({ source, absoluteRef: '/openapi.json', config })
  return found.map(({ ruleId, message, location: [at] }) =>
    [ruleId, at?.pointer ?? '', message].join(' '),
  )
}

test('an OpenAPI linter finds nothing in the document, with no rule of its own left out', async () => {
  const source = await (await fetch(`${server.adminUrl}/api/v1/openapi.json`)).text()
  expect(await lint(source)).toEqual([])
})

test('the linter finds what is wrong', async () => {
  const source = await (await fetch(`${server.adminUrl}/api/v1/openapi.json`)).text()
  const broken = source
    .replace('"operationId":"listUsers"', '"operationId":"createUser"')
    .replace('#/components/schemas/NewUser', '#/components/schemas/NoUser')
  const rules = (await lint(broken)).map((it) => it.slice(0, it.indexOf(' ')))
  expect(rules).toContain('operation-operationId-unique')
  expect(rules).toContain('no-unresolved-refs')
})
