import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAdmin, type TestAdmin } from '../support/admin.ts'

type Operation = {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly responses: Readonly<Record<string, unknown>>
}

let server: TestAdmin
let document: {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}
let operations: readonly Operation[]

beforeAll(async () => {
  server = await startAdmin()
  document = (await (
    await fetch(`${server.adminUrl}/api/v1/openapi.json`)
  ).json()) as typeof document
  operations = Object.values(document.paths).flatMap((item) => Object.values(item))
})
afterAll(() => server.stop())

test('the document is OpenAPI 3.1, below the path that serves it', () => {
  expect(document.openapi).toBe('3.1.0')
  expect(document.servers).toEqual([{ url: '/api/v1' }])
  expect(Object.keys(document.paths)).toContain('/users/{id}/roles/{roleId}')
})

test('every operation has an id of its own, a chapter that there is, and its refusals', () => {
  const ids = operations.map(({ operationId }) => operationId)
  expect(new Set(ids).size).toBe(ids.length)
  const chapters = document.tags.map(({ name }) => name)
  for (const { tags, responses } of operations) {
    expect(chapters).toEqual(expect.arrayContaining([...tags]))
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '401', '429', '503']))
  }
})

test('every reference in the document leads somewhere', () => {
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)
  for (const [, path = ''] of references) {
    const target = path
      .split('/')
      .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], document)
    expect(target, path).toBeDefined()
  }
})

test('the page to try it is served wholly by us, under a strict policy', async () => {
  const page = await fetch(`${server.adminUrl}/api/docs`)
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toMatch(/^default-src 'none'; script-src 'self';/)
  const html = await page.text()
  const loaded = Array.from(html.matchAll(/(?:src|href)="([^"]+)"/g), ([, at = '']) => at)
  expect(html).not.toMatch(/<script>|https?:/)
  for (const at of loaded.filter((it) => !it.startsWith('data:'))) {
    const part = await fetch(new URL(at, `${server.adminUrl}/api/docs`))
    expect([at, part.status, part.headers.get('content-security-policy')]).toEqual([
      at,
      200,
      policy,
    ])
    expect((await part.text()).length).toBeGreaterThan(50)
  }
})
