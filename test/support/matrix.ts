import { predefinedRoles } from '../../policies/roles.ts'
import type { TestAdmin } from './admin.ts'
import type { Owner } from './api-things.ts'
import { sampleOf } from './sample-body.ts'
import { nameOf, operationsOf, type ApiDocument, type Operation } from './operations.ts'

/**
 * Whose the ids in a path are: the caller's own; of somebody in the account who holds nothing, or who
 * is an Account admin; of another account; nobody's; the caller's own with what is another's; and the
 * caller's own once more, asked by an API key where all others are asked by password.
 */
export const columns = ['own', 'lesser', 'greater', 'foreign', 'random', 'mixed', 'key'] as const

export type Column = (typeof columns)[number]

/** An answer to one call of the matrix. */
export type MatrixAnswer = {
  readonly operation: Operation
  readonly role: string
  readonly column: Column
  readonly status: number
  /** Headers and body. */
  readonly text: string
  readonly type: string
}

export type MakeOwner = (
  account: 'own' | 'foreign',
  role: string,
  of: { readonly collections: readonly string[]; readonly isGiven: boolean },
) => Promise<Owner>

const nobody = '01920000-0000-7000-8000-000000000000'

/** The collection that each id of a path is of: `/users/{id}/roles/{roleId}` → users, roles. */
export const collectionsIn = (path: string): readonly string[] =>
  Array.from(path.matchAll(/\/([\w-]+)\/\{\w+\}/g), ([, collection]) => collection ?? '')

type Row = Operation & { readonly role: string; readonly owners: Partial<Record<Column, Owner>> }

const idsOf = ({ path, owners }: Row, column: Column): string[] =>
  collectionsIn(path).map((collection, index) => {
    const whose = column !== 'mixed' ? column : index === 0 ? 'own' : 'greater'
    return owners[whose]?.idIn(collection) ?? nobody
  })

/** Of those who are asked for one at a time: what is one's own comes last, as it may be one's end. */
const columnsOf = ({ path }: Operation): readonly Column[] => {
  const ids = collectionsIn(path).length
  if (ids === 0) return ['key', 'own']
  const mixed = ids > 1 ? (['mixed'] as const) : []
  return ['key', ...mixed, 'random', 'foreign', 'greater', 'lesser', 'own']
}

const rolesAndNobody = [...predefinedRoles.map(({ id }) => id), 'anonymous'] as const

/** Asks every operation as everybody, each time with what has just been made. */
export const askAll = async (
  { adminUrl }: TestAdmin,
  document: ApiDocument,
  { make, password }: { readonly make: MakeOwner; readonly password: string },
): Promise<readonly MatrixAnswer[]> => {
  let serial = 0

  const bodyOf = ({ body, path }: Operation, column: Column): object => {
    if (body === undefined) return {}
    const sample = sampleOf(document, body, { serial: ++serial }) as object
    // One's own password is changed by who knows it.
    const isOwn = (column === 'own' || column === 'key') && path.endsWith('password')
    return {
      body: JSON.stringify({ ...sample, ...(isOwn ? { currentPassword: password } : {}) }),
      headers: { 'content-type': 'application/json' },
    }
  }

  const ask = async (row: Row, column: Column): Promise<MatrixAnswer> => {
    const { method, path, role, owners } = row
    const ids = idsOf(row, column)
    const { headers, ...body } = bodyOf(row, column) as { readonly headers?: object }
    const authorization = column === 'key' ? owners.key?.byKey : owners.own?.byPassword
    const response = await fetch(
      `${adminUrl}/api/v1${path.replaceAll(/\{\w+\}/g, () => ids.shift() ?? '')}`,
      { method, headers: { ...headers, ...(authorization && { authorization }) }, ...body },
    )
    const lines = Array.from(response.headers, ([name, value]) => `${name}: ${value}`)
    return {
      ...{ operation: row, role, column, status: response.status },
      type: response.headers.get('content-type')?.replace(/;.*/, '') ?? '',
      text: [...lines, await response.text()].join('\n'),
    }
  }

  const targets = async (of: Parameters<MakeOwner>[2]): Promise<Row['owners']> =>
    of.collections.length === 0
      ? {}
      : {
          lesser: await make('own', 'api-user', of),
          greater: await make('own', 'account-admin', of),
          foreign: await make('foreign', 'api-user', of),
        }

  const answers: MatrixAnswer[] = []
  for (const operation of operationsOf(document)) {
    const collections = collectionsIn(operation.path)
    const isGiven = operation.method === 'DELETE' && collections[0] === 'users'
    const of = { collections, isGiven }
    let others = await targets(of)
    for (const role of rolesAndNobody) {
      const callers =
        role === 'anonymous'
          ? {}
          : { own: await make('own', role, of), key: await make('own', role, of) }
      const row = { ...operation, role, owners: { ...others, ...callers } }
      const made: MatrixAnswer[] = []
      for (const column of columnsOf(operation)) made.push(await ask(row, column))
      // What somebody has changed is not shown to the next.
      if (operation.method !== 'GET' && made.some(({ status }) => status < 300))
        others = await targets(of)
      answers.push(...made)
    }
  }
  return answers
}

const cell = (text: string | number): string => String(text).padStart(8)

/** The table that is checked in: a line for each operation and role. */
export const writeMatrix = (answers: readonly MatrixAnswer[]): string => {
  const lines = [`${'#'.padEnd(24)}${columns.map(cell).join('')}`]
  const names = new Set(answers.map(({ operation }) => nameOf(operation)))
  for (const name of names) {
    const own = answers.filter(({ operation }) => nameOf(operation) === name)
    lines.push('', `${name}  ${own[0]?.operation['x-permission'] ?? '(signed in)'}`)
    for (const role of rolesAndNobody) {
      const ofRole = own.filter((answer) => answer.role === role)
      const cells = columns.map((column) => {
        const found = ofRole.find((it) => it.column === column)
        return cell(found?.status ?? '')
      })
      lines.push(`  ${role.padEnd(22)}${cells.join('')}`.trimEnd())
    }
  }
  return `${lines.join('\n')}\n`
}
