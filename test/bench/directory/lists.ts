import { writeCursor } from '../../../admin/paging.ts'
import { nameKeyOf } from '../../../db/user-profile.ts'
import { createSystem } from '../../../gateway/system.ts'
import { basicOf, soloist } from '../http/gateway.ts'
import { median, type Row } from '../report.ts'

type User = { readonly id: string; readonly firstName: string; readonly lastName: string }

/** How long calls of one kind took, in ms. */
export type Timed = { readonly what: string; readonly query: string; readonly took: number[] }

const authorization = basicOf(soloist)

const { elapsed, now } = createSystem()

/** Asks for a page of users; throws when there is none. */
export const askUsers = async (adminUrl: string, query: string): Promise<readonly User[]> => {
  const response = await fetch(`${adminUrl}/api/v1/users?${query}`, { headers: { authorization } })
  if (response.status !== 200)
    throw new Error(`users?${query}: ${response.status} ${await response.text()}`)
  return ((await response.json()) as { readonly items: readonly User[] }).items
}

const daysAgo = (days: number): string => new Date(now() - days * 86_400_000).toISOString()

/** The page of those who come last by name, asked for as the client does who came that far. */
const lastPage = async (adminUrl: string): Promise<string> => {
  const before = (await askUsers(adminUrl, 'sort=-name&limit=50')).at(-1)
  if (before === undefined) throw new Error('there are no users')
  const key = nameKeyOf(before.firstName, before.lastName)
  return `sort=name&after=${writeCursor(['name', key, before.id])}`
}

const sorts = ['name', 'username', 'email', 'lastSignIn', 'createdAt'].flatMap((name) => [
  name,
  `-${name}`,
])

const filtersOf = (): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    ['active', 'locked', 'disabled'].map((status) => [`status ${status}`, `status=${status}`]),
  ),
  'role API user': 'role=api-user',
  'role auditor (few)': 'role=auditor',
  ...Object.fromEntries(
    ['locked', 'httpBasic', 'smppBasic'].flatMap((name) =>
      ['true', 'false'].map((value) => [`${name} ${value}`, `${name}=${value}`]),
    ),
  ),
  'last sign-in before a year ago': `lastSignInBefore=${daysAgo(365)}`,
  'last sign-in before 990 days ago': `lastSignInBefore=${daysAgo(990)}`,
  'last sign-in within a day': `lastSignInAfter=${daysAgo(1)}`,
})

const searches: Readonly<Record<string, string>> = {
  'one user': 'novak999',
  'a last name': 'novak',
  'a first name, late in the order': 'zoran',
  'the commonest part of addresses': 'example.com',
  'one host': '@hooli',
  'three letters': 'ova',
  'two letters': 'zo',
  'one letter': 'x',
  'two letters, found nowhere': 'qj',
  'found nowhere': 'nobody at all',
}

const listsOf = async (adminUrl: string): Promise<readonly (readonly [string, string])[]> => {
  const filters = Object.entries(filtersOf())
  const found = Object.entries(searches).map(
    ([what, text]) => [`search ${what}`, `search=${encodeURIComponent(text)}`] as const,
  )
  return [
    ...sorts.map((sort) => [`sort ${sort}`, `sort=${sort}`] as const),
    ['a page in the middle', `sort=name&after=${writeCursor(['name', 'm', ''])}`],
    ['the last page', await lastPage(adminUrl)],
    ...filters,
    ...found,
    ['search and filter', 'search=horvat&status=disabled&sort=-lastSignIn'],
    ['count', 'count=true'],
    ...[...filters, ...found].map(
      ([what, query]) => [`count, ${what}`, `count=true&${query}`] as const,
    ),
  ]
}

/** Every kind of list in turn, so often, over the real admin listener. */
export const timeLists = async (adminUrl: string, times: number): Promise<readonly Timed[]> => {
  const lists = await listsOf(adminUrl)
  const timed = lists.map(([what, query]): Timed => ({ what, query, took: [] }))
  for (let round = -1; round < times; round++)
    for (const { query, took } of timed) {
      const began = elapsed()
      await askUsers(adminUrl, query)
      // The first round fills the caches, as the first minute of a day does.
      if (round >= 0) took.push(elapsed() - began)
    }
  return timed
}

/** The time that 95 of 100 calls keep to. */
export const p95 = ({ took }: Timed): number =>
  took.toSorted((a, b) => a - b)[Math.ceil(took.length * 0.95) - 1] ?? NaN

export const listRow = (timed: Timed): Row => ({
  what: timed.what,
  'p50 ms': median(timed.took),
  'p95 ms': p95(timed),
})
