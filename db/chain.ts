import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { events } from './schema/audit.ts'
import { deriveKey } from './keys.ts'

/** A row of the audit as it stands in the database. */
export type EventRow = typeof events.$inferSelect

/** Where the chain ends: the newest row's number and hash, sealed so that it cannot be forged. */
export type Head = { readonly seq: number; readonly hash: string }

/** What the first row carries as the hash before it. */
export const genesis = '0'.repeat(64)

/** The columns that the hash covers, in the order of their names; those that are null are left out. */
const covered = [
  'accountId',
  'action',
  'actorId',
  'after',
  'at',
  'before',
  'channel',
  'count',
  'decisionId',
  'firstAt',
  'id',
  'lastAt',
  'nameDigest',
  'reason',
  'seq',
  'source',
  'tag',
  'target',
  'userId',
  'username',
] as const satisfies readonly (keyof EventRow)[]

export type Covered = Pick<EventRow, (typeof covered)[number]>

/** JSON of sorted names without blanks and nulls (RFC 8785 for these plain values). */
export const canonical = (row: Covered): string =>
  JSON.stringify(Object.fromEntries(covered.map((name) => [name, row[name] ?? undefined])))

/** SHA-256 over the hash of the row before and the row itself, in hex. */
export const hashOf = (prevHash: string, row: Covered): string =>
  createHash('sha256').update(prevHash).update(canonical(row)).digest('hex')

/** What the head is sealed with: only who holds the installation's key can move it. */
const sealOf = (key: Buffer, { seq, hash }: Head): Buffer =>
  createHmac('sha256', deriveKey(key, 'audit head')).update(`${seq} ${hash}`).digest()

/** The head as it is kept: number, hash and seal. */
export const writeHead = (key: Buffer, head: Head): string =>
  `${head.seq} ${head.hash} ${sealOf(key, head).toString('hex')}`

/** The head as it was kept; `isGenuine` is false when it was not sealed with this key. */
export const parseHead = (
  key: Buffer,
  text: string,
): (Head & { readonly isGenuine: boolean }) | undefined => {
  const [, seq, hash, seal] = /^(\d+) ([0-9a-f]{64}) ([0-9a-f]{64})$/.exec(text) ?? []
  if (seq === undefined || hash === undefined || seal === undefined) return undefined
  const head = { seq: Number(seq), hash }
  return { ...head, isGenuine: timingSafeEqual(Buffer.from(seal, 'hex'), sealOf(key, head)) }
}
