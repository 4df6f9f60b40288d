import { execFile } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import openapiTS, { astToString } from 'openapi-typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { temporaryFolder } from '../support/database.ts'
import { root } from '../support/source-files.ts'

let server: TestAdmin

beforeAll(async () => {
  server = await startAdmin()
})
afterAll(() => server.stop())

/** What somebody else would write, with nothing of ours but the document. */
const program = `
import createClient from 'openapi-fetch'
import type { paths } from './api.d.ts'

const [baseUrl = '', authorization = ''] = process.argv.slice(2)
const client = createClient<paths>({ baseUrl, headers: { authorization } })
const made = await client.POST('/users', {
  body: {
    username: 'generated',
    email: 'generated@example.com',
    firstName: 'Gen',
    roles: ['user-manager'],
    safelist: [{ range: '192.0.2.0/24', expiresAt: null }],
  },
})
if (made.data === undefined) throw new Error(made.error.title)
const { data: read } = await client.GET('/users/{id}', { params: { path: { id: made.data.id } } })
const names: string[] = read?.roles.map(({ name }) => name) ?? []
const { data: list } = await client.GET('/users', {
  params: { query: { search: 'generat', status: 'active', httpBasic: false, limit: 5 } },
})
const refused = await client.PATCH('/users/{id}', {
  params: { path: { id: made.data.id }, header: { 'if-match': '"0"' } },
  body: { firstName: 'Stale', mobileNumber: null },
})
console.log(JSON.stringify({
  made: made.data,
  read,
  names,
  found: list?.items.map(({ username }) => username),
  refused: refused.error?.type,
}))

/** Never called: each is a fault that the types must find. */
export const wrong = async () => {
  // @ts-expect-error a user has a username
  await client.POST('/users', { body: { email: 'a@example.com' } })
  // @ts-expect-error a list in place of a text
  await client.PATCH('/me', { body: { firstName: ['a', 'b'] } })
  // @ts-expect-error a state that there is not
  await client.GET('/users', { params: { query: { status: 'asleep' } } })
  // @ts-expect-error a path that there is not
  await client.GET('/user')
  // @ts-expect-error what an answer does not have
  ;(await client.GET('/me')).data?.passwordHash
}
`

const compilerOptions = {
  ...{ target: 'es2024', lib: ['es2024'], module: 'nodenext', types: ['node'] },
  ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false },
  allowImportingTsExtensions: true,
}

/** Runs a program of Node to its end; what it wrote, on whichever stream. */
const run = (folder: string, args: readonly string[]) =>
  new Promise<{ readonly failed: boolean; readonly text: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) => {
      resolve({ failed: error !== null, text: error === null ? stdout : stdout + stderr })
    })
  })

test(
  'a generated client compiles, creates a user and reads it back',
  { timeout: 90_000 },
  async () => {
    const base = `${server.adminUrl}/api/v1`
    const folder = temporaryFolder()
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(
      join(folder, 'api.d.ts'),
      astToString(await openapiTS(new URL(`${base}/openapi.json`))),
    )
    await writeFile(join(folder, 'client.ts'), program)
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['client.ts', 'api.d.ts'] }),
    )

    const compiled = await run(folder, [join(root, 'node_modules/typescript/bin/tsc')])
    expect(compiled).toEqual({ failed: false, text: '' })

    const called = await run(folder, ['client.ts', base, server.authorization])
    expect(called.failed, called.text).toBe(false)
    const said = JSON.parse(called.text) as { made: object; read: object }
    expect(said).toMatchObject({
      read: { username: 'generated', firstName: 'Gen', safelistSize: 1, language: 'en' },
      names: ['User manager'],
      found: ['generated'],
      refused: 'urn:sallyport:precondition-failed',
    })
    expect(said.read).toEqual(said.made)
  },
)
