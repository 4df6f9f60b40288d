import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  beyond,
  compilePermissions,
  customRoleFaults,
  grantsOf,
  heldInBoth,
  holds,
  isWithin,
  knownPermissions,
  noPermissions,
  parsePermission,
} from '../../policies/permissions.ts'
import { predefinedRoles, type PredefinedRoleId } from '../../policies/roles.ts'

const roleOf = (id: PredefinedRoleId): readonly string[] =>
  predefinedRoles.find((role) => role.id === id)?.permissions ?? []

const unreadable = [
  ...[
    '',
    '/',
    '*/',
    '/*',
    '*/*',
    '*/view',
    'users',
    'users/',
    '/view',
    'users/view/all',
    'users/v*',
  ],
  ...['Users/view', 'users/View', ' users/view', 'users/view\n', 'users /view', '**', 'users/**'],
  ...['users\\view', '__proto__', 'a/b,c/d', '1/2', `${'a'.repeat(41)}/b`, 'üsers/view'],
]

test.each(unreadable)('%j is no permission, gives nothing and is beyond everybody', (text) => {
  const everything = compilePermissions(roleOf('account-admin'))
  expect(parsePermission(text)).toBeUndefined()
  expect(grantsOf(compilePermissions([text]))).toEqual([])
  expect(holds(everything, text)).toBe(false)
  expect(beyond([text], everything)).toEqual([text])
})

const gives = (grants: readonly string[], needed: string) => ({ grants, needed, held: true })
const withholds = (grants: readonly string[], needed: string) => ({ grants, needed, held: false })

test.each([
  gives(['users/view'], 'users/view'),
  withholds(['users/view'], 'users/manage'),
  gives(['users/*'], 'users/manage'),
  withholds(['users/*'], 'user/manage'),
  withholds(['users/*'], 'events/view'),
  gives(['*'], 'users/manage'),
  gives(['*'], 'sms/send'),
  gives(['sms/*'], 'sms/send'),
  withholds([], 'users/view'),
  withholds(['*'], 'api-access/manage'),
  withholds(['*', 'safelist/*'], 'safelist/manage'),
  withholds(['*', 'accounts/*'], 'accounts/manage'),
  gives(['safelist/manage'], 'safelist/manage'),
  withholds(['*'], 'users/*'),
  withholds(['users/*'], 'users/*'),
  withholds(['*'], '*'),
])('$grants for $needed: $held', ({ grants, needed, held }) => {
  expect(holds(compilePermissions(grants), needed)).toBe(held)
})

const within = (granted: readonly string[], held: readonly string[]) => ({
  granted,
  held,
  over: [] as readonly string[],
})
const reaches = (granted: readonly string[], held: readonly string[], over: readonly string[]) => ({
  granted,
  held,
  over,
})

test.each([
  within([], []),
  within(['users/view'], ['users/view']),
  within(['users/view', 'users/invite'], ['users/*']),
  within(['users/*', 'sms/send'], ['*']),
  within(['*'], ['*']),
  reaches(['users/*'], ['users/view', 'users/manage', 'users/invite'], ['users/*']),
  reaches(['*'], ['users/*', 'roles/*'], ['*']),
  reaches(['users/view', 'events/view'], ['users/*'], ['events/view']),
  reaches(['safelist/manage'], ['*'], ['safelist/manage']),
  reaches(['accounts/manage'], roleOf('account-admin'), ['accounts/manage']),
  reaches(roleOf('account-admin'), ['*'], ['api-access/manage', 'safelist/manage']),
  within(roleOf('user-manager'), roleOf('account-admin')),
])('$granted granted by a holder of $held: $over is beyond', ({ granted, held, over }) => {
  expect(beyond(granted, compilePermissions(held))).toEqual(over)
  expect(isWithin(compilePermissions(granted), compilePermissions(held))).toBe(over.length === 0)
})

describe('roles', () => {
  test('hold what the contract says and nothing more', () => {
    const held = Object.fromEntries(
      predefinedRoles.map(({ id, permissions }) => {
        const compiled = compilePermissions(permissions)
        const names = knownPermissions.map(({ name }) => name)
        return [id, names.filter((name) => holds(compiled, name))]
      }),
    )
    expect(held).toEqual({
      'account-admin': knownPermissions
        .map(({ name }) => name)
        .filter((name) => name !== 'accounts/manage'),
      'platform-operator': ['accounts/manage'],
      'user-manager': ['users/view', 'users/manage', 'users/invite', 'roles/view'],
      'integrations-manager': ['api-keys/manage'],
      auditor: ['users/view', 'roles/view', 'events/view', 'decisions/explain'],
      'api-user': [],
    })
  })

  test('reserved permissions stand in the one role that they are reserved to', () => {
    for (const { name, reservedTo } of knownPermissions.filter((known) => known.reservedTo))
      for (const { id, permissions } of predefinedRoles)
        expect(holds(compilePermissions(permissions), name), `${id} ${name}`).toBe(
          id === reservedTo,
        )
  })

  test('every grant of a predefined role can be read', () => {
    for (const { permissions } of predefinedRoles)
      for (const grant of permissions) expect(parsePermission(grant), grant).toBeDefined()
  })

  test('a custom role is told every grant that it cannot have', () => {
    const grants = ['users/view', 'nonsense', 'safelist/manage', 'accounts/*', 'sms/send', '*']
    expect(customRoleFaults(grants).map(({ path }) => path)).toEqual([
      'permissions.1',
      'permissions.2',
      'permissions.3',
    ])
  })

  test('no custom role without faults holds a reserved permission', () => {
    fc.assert(
      fc.property(grantsArbitrary, (grants) => {
        const sound = grants.filter((grant) => customRoleFaults([grant]).length === 0)
        for (const { name } of knownPermissions.filter((known) => known.reservedTo))
          expect(holds(compilePermissions(sound), name)).toBe(false)
      }),
    )
  })
})

const name = fc.oneof(
  fc.constantFrom(...knownPermissions.map((known) => known.name), 'sms/send', 'users/other'),
  fc
    .tuple(fc.constantFrom('users', 'sms', 'safelist', 'x'), fc.constantFrom('view', 'y', 'z-9'))
    .map((parts) => parts.join('/')),
)
const grant = fc.oneof(
  { weight: 6, arbitrary: name },
  { weight: 3, arbitrary: name.map((text) => text.replace(/\/.*/, '/*')) },
  { weight: 1, arbitrary: fc.constant('*') },
)
const grantsArbitrary = fc.array(grant, { maxLength: 8 })
const permissions = grantsArbitrary.map(compilePermissions)

describe('within', () => {
  test('is reflexive, and nothing is within everybody', () => {
    fc.assert(
      fc.property(permissions, (some) => isWithin(some, some) && isWithin(noPermissions, some)),
      { numRuns: 2_000 },
    )
  })

  test('is transitive', () => {
    fc.assert(
      fc.property(permissions, permissions, permissions, (a, b, c) =>
        isWithin(a, b) && isWithin(b, c) ? isWithin(a, c) : true,
      ),
      { numRuns: 20_000 },
    )
  })

  test('is monotone: holding more never makes less grantable', () => {
    fc.assert(
      fc.property(grantsArbitrary, grantsArbitrary, grantsArbitrary, (inner, outer, more) => {
        const before = beyond(inner, compilePermissions(outer))
        const after = beyond(inner, compilePermissions([...outer, ...more]))
        expect(before).toEqual(expect.arrayContaining([...after]))
      }),
      { numRuns: 5_000 },
    )
  })

  test('agrees with holds: what is within holds no name that the other does not', () => {
    fc.assert(
      fc.property(permissions, permissions, fc.array(name), (inner, outer, names) => {
        fc.pre(isWithin(inner, outer))
        for (const one of names) expect(!holds(inner, one) || holds(outer, one)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('is not stricter than holds: what is beyond holds a name that the other does not', () => {
    const witnesses = ['fresh/name', 'users/fresh', 'sms/fresh', 'safelist/fresh', 'x/fresh']
    fc.assert(
      fc.property(permissions, permissions, (inner, outer) => {
        const names = [
          ...grantsOf(inner),
          ...witnesses,
          ...grantsOf(inner).map((one) => one.replace('*', 'fresh')),
        ]
        const over = names.some((one) => holds(inner, one) && !holds(outer, one))
        expect(isWithin(inner, outer)).toBe(!over)
      }),
      { numRuns: 5_000 },
    )
  })
})

test('what is held in both is what each holds, and within each', () => {
  fc.assert(
    fc.property(permissions, permissions, fc.array(name), (one, other, names) => {
      const both = heldInBoth(one, other)
      expect(isWithin(both, one) && isWithin(both, other)).toBe(true)
      for (const it of [...names, ...grantsOf(one), 'accounts/manage', 'safelist/manage'])
        expect(holds(both, it)).toBe(holds(one, it) && holds(other, it))
    }),
    { numRuns: 5_000 },
  )
})
