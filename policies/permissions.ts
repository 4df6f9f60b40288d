import type { Fault } from './faults.ts'

/**
 * What someone may do, compiled from grants: names (`users/view`), whole areas (`users/*`), or all
 * (`*`). A wildcard never reaches a reserved permission; those are held by name alone.
 */
export type Permissions = {
  readonly all: boolean
  readonly areas: ReadonlySet<string>
  readonly names: ReadonlySet<string>
}

/** A grant as it is written: everything, everything of an area, or one permission. */
export type Grant =
  | { readonly kind: 'all' }
  | { readonly kind: 'area'; readonly area: string }
  | { readonly kind: 'name'; readonly area: string; readonly name: string }

const word = '[a-z][a-z0-9-]{0,39}'
const written = new RegExp(`^(?<area>${word})/(?:\\*|${word})$`)

/** The role, by its stable id, that alone holds a reserved permission. */
const reserved: ReadonlyMap<string, string> = new Map([
  ['api-access/manage', 'account-admin'],
  ['safelist/manage', 'account-admin'],
  ['accounts/manage', 'platform-operator'],
])

const reservedAreas = new Set(Array.from(reserved.keys(), (name) => name.split('/')[0]))

/** The permissions of the console and the admin API; routes may name others (`sms/send`). */
export const knownPermissions: readonly { readonly name: string; readonly reservedTo?: string }[] =
  [
    { name: 'users/view' },
    { name: 'users/manage' },
    { name: 'users/invite' },
    { name: 'roles/view' },
    { name: 'roles/manage' },
    { name: 'api-keys/manage' },
    { name: 'events/view' },
    { name: 'sessions/manage' },
    { name: 'decisions/explain' },
    { name: 'account/manage' },
    ...Array.from(reserved, ([name, reservedTo]) => ({ name, reservedTo })),
  ]

/** Reads `area/action`, `area/*` or `*`; lower case, digits and hyphens. */
export const parsePermission = (text: string): Grant | undefined => {
  if (text === '*') return { kind: 'all' }
  const area = written.exec(text)?.groups?.area
  if (area === undefined) return undefined
  return text.endsWith('*') ? { kind: 'area', area } : { kind: 'name', area, name: text }
}

/** Compiles grants; one that cannot be read gives nothing. */
export const compilePermissions = (grants: Iterable<string>): Permissions => {
  let all = false
  const areas = new Set<string>()
  const names = new Set<string>()
  for (const text of grants) {
    const grant = parsePermission(text)
    if (grant?.kind === 'all') all = true
    if (grant?.kind === 'area') areas.add(grant.area)
    if (grant?.kind === 'name') names.add(grant.name)
  }
  return { all, areas, names }
}

export const noPermissions: Permissions = compilePermissions([])

/** Whether one permission, a plain name, is held; a name that cannot be read is held by nobody. */
export const holds = (permissions: Permissions, needed: string): boolean => {
  if (permissions.names.has(needed)) return true
  if (!permissions.all && permissions.areas.size === 0) return false
  const grant = parsePermission(needed)
  return (
    grant?.kind === 'name' &&
    !reserved.has(needed) &&
    (permissions.all || permissions.areas.has(grant.area))
  )
}

/** The grants among these that reach beyond what is held, unreadable ones too (U5: 403). */
export const beyond = (granted: Iterable<string>, held: Permissions): readonly string[] =>
  Array.from(granted).filter((text) => {
    const grant = parsePermission(text)
    if (grant === undefined) return true
    if (grant.kind === 'name') return !holds(held, grant.name)
    return !held.all && !(grant.kind === 'area' && held.areas.has(grant.area))
  })

/** The grants that make up compiled permissions. */
export const grantsOf = ({ all, areas, names }: Permissions): readonly string[] => [
  ...(all ? ['*'] : []),
  ...Array.from(areas, (area) => `${area}/*`),
  ...names,
]

/** Whether whoever has `outer` holds all that `inner` holds; sets compared, wildcards included. */
export const isWithin = (inner: Permissions, outer: Permissions): boolean =>
  beyond(grantsOf(inner), outer).length === 0

/** What is held in both: what a key leaves of its user's own. */
export const heldInBoth = (one: Permissions, other: Permissions): Permissions => ({
  all: one.all && other.all,
  areas: new Set(
    [...one.areas, ...other.areas].filter((area) =>
      [one, other].every(({ all, areas }) => all || areas.has(area)),
    ),
  ),
  names: new Set(
    [...one.names, ...other.names].filter((name) => holds(one, name) && holds(other, name)),
  ),
})

/** What is wrong with the permissions of a custom role: unreadable, or reserved. */
export const customRoleFaults = (
  grants: readonly string[],
  path = 'permissions',
): readonly Fault[] =>
  grants.flatMap((text, index) => {
    const grant = parsePermission(text)
    const at = `${path}.${index}`
    if (grant === undefined)
      return [{ path: at, message: 'write area/action, area/* or *, such as users/view' }]
    const isReserved = grant.kind === 'area' ? reservedAreas.has(grant.area) : reserved.has(text)
    return isReserved ? [{ path: at, message: 'belongs to a predefined role alone' }] : []
  })
