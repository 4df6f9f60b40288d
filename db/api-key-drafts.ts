import type { Fault } from '../policies/faults.ts'
import { labelFaults } from '../policies/names.ts'
import { beyond, parsePermission, type Permissions } from '../policies/permissions.ts'
import { readEntries } from './safelists.ts'

/** What of a key may be set; what is absent stays as it is. Times in ms since the epoch. */
export type ApiKeyDraft = {
  readonly name?: string | undefined
  /** Ranges; none allows every address that the user's own list does. */
  readonly safelist?: readonly string[] | undefined
  /** What it may do of what its user may; null: all of that. */
  readonly permissions?: readonly string[] | null | undefined
  readonly notBefore?: number | null | undefined
  readonly expiresAt?: number | null | undefined
  readonly enabled?: boolean | undefined
}

/** A key's list as it is kept; faults are named by `safelist.3`. */
export const rangesOfKey = (safelist: readonly string[]) => {
  const { ranges, faults } = readEntries(safelist.map((range) => ({ range })))
  return {
    ranges: ranges.map(({ range }) => range.text),
    faults: faults.map(({ path, message }) => ({
      path: path.replace(/^entries/, 'safelist').replace(/\.range$/, ''),
      message,
    })),
  }
}

const permissionFaults = (
  permissions: readonly string[] | null | undefined,
  ofOwner: Permissions,
): readonly Fault[] =>
  (permissions ?? []).flatMap((text, index) => {
    const path = `permissions.${index}`
    if (parsePermission(text) === undefined)
      return [{ path, message: 'write area/action, area/* or *, such as users/view' }]
    return beyond([text], ofOwner).length > 0
      ? [{ path, message: 'is nothing that the user of the key holds' }]
      : []
  })

/** A key ends in the future, and after it began. */
export const keyTimeFaults = (
  { notBefore, expiresAt }: Pick<ApiKeyDraft, 'notBefore' | 'expiresAt'>,
  now: number,
): readonly Fault[] => {
  const faults: Fault[] = []
  const isTime = (time: number | null | undefined): boolean =>
    (time ?? null) === null || Number.isSafeInteger(time)
  if (!isTime(notBefore)) faults.push({ path: 'notBefore', message: 'write a time, or null' })
  if (!isTime(expiresAt)) faults.push({ path: 'expiresAt', message: 'write a time, or null' })
  if ((expiresAt ?? Infinity) <= Math.max(now, notBefore ?? 0))
    faults.push({ path: 'expiresAt', message: 'is to come, and after notBefore' })
  return faults
}

/** What is wrong with a draft, all at once; the permissions are within what its user holds. */
export const keyFaults = (draft: ApiKeyDraft, ofOwner: Permissions): readonly Fault[] => [
  ...(draft.name === undefined ? [] : labelFaults(draft.name)),
  ...rangesOfKey(draft.safelist ?? []).faults,
  ...permissionFaults(draft.permissions, ofOwner),
]
