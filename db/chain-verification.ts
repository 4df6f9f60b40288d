import { setImmediate as breathe } from 'node:timers/promises'
import { genesis, hashOf, parseHead, type EventRow, type Head } from './chain.ts'
import type { Reader } from './database.ts'
import { findEventsAfter, headKey, unsealed } from './events.ts'
import { findMeta } from './meta.ts'

/**
 * Where the audit is first broken. `changed`: the row is not what was written; `missing`: there is
 * no such row; `inserted`: the row was never written by us; `head`: the sealed end was touched.
 */
export type Broken = {
  readonly seq: number
  readonly id?: string
  readonly why: 'changed' | 'missing' | 'inserted' | 'head'
}

export type Verified = {
  readonly ok: boolean
  readonly rows: number
  readonly firstBroken?: Broken
}

const batch = 500

const faultOf = (before: Head, row: EventRow): Broken | undefined => {
  const { seq, id } = row
  if (seq <= before.seq || seq < 1) return { seq, id, why: 'inserted' }
  if (seq > before.seq + 1) return { seq: before.seq + 1, why: 'missing' }
  if (row.prevHash !== before.hash || row.hash !== hashOf(before.hash, row)) {
    return { seq, id, why: 'changed' }
  }
  return row.action === unsealed ? { seq, id, why: 'head' } : undefined
}

/** The end that was reached against the end that was sealed. */
const faultAtEnd = async (reader: Reader, reached: Head): Promise<Broken | undefined> => {
  const text = await findMeta(reader, headKey)
  if (text === undefined) return reached.seq === 0 ? undefined : { seq: reached.seq, why: 'head' }
  const head = parseHead(reader.key, text)
  if (head?.isGenuine !== true) return { seq: head?.seq ?? reached.seq, why: 'head' }
  if (reached.seq > head.seq) return { seq: head.seq + 1, why: 'inserted' }
  if (reached.seq < head.seq) return { seq: reached.seq + 1, why: 'missing' }
  return reached.hash === head.hash ? undefined : { seq: head.seq, why: 'changed' }
}

/**
 * Walks the whole chain in batches, so that other work goes on, and holds its end against the
 * sealed head. Rows that are appended meanwhile are walked too.
 */
export const verifyEvents = async (reader: Reader): Promise<Verified> => {
  let reached: Head = { seq: 0, hash: genesis }
  let after = Number.MIN_SAFE_INTEGER
  let rows = 0
  const broken = (firstBroken: Broken): Verified => ({ ok: false, rows, firstBroken })
  for (;;) {
    const found = await findEventsAfter(reader, after, batch)
    for (const row of found) {
      const fault = faultOf(reached, row)
      if (fault !== undefined) return broken(fault)
      reached = row
      after = row.seq
      rows += 1
    }
    if (found.length > 0) {
      await breathe()
      continue
    }
    const fault = await faultAtEnd(reader, reached)
    if (fault === undefined) return { ok: true, rows }
    const isBehind = fault.why === 'missing' && (await findEventsAfter(reader, after, 1)).length > 0
    if (!isBehind) return broken(fault)
  }
}
