import type { Row } from './refusal-groups.ts'

/** Rows that wait to be written, oldest first; bounded, and no count is ever lost. */
export type RowQueue = {
  readonly add: (row: Row) => void
  readonly take: (most: number) => readonly Row[]
  /** What was taken and could not be written. */
  readonly putBack: (rows: readonly Row[]) => void
  readonly size: () => number
}

/** Above `most` rows are merged by action, channel and reason: that is, while nothing can be written. */
export const createRowQueue = (most: number): RowQueue => {
  let waiting: Row[] = []
  const merged = new Map<string, Row>()

  const merge = (row: Row): void => {
    const { action, channel, reason, lastAt } = row
    const key = `${action}\n${channel}\n${reason ?? ''}`
    const { count, firstAt } = merged.get(key) ?? { count: 0, firstAt: row.firstAt }
    const sum = { at: lastAt, count: count + row.count, firstAt, lastAt }
    merged.set(key, { action, channel, reason, ...sum })
  }

  return {
    add: (row) => {
      if (waiting.length < most) waiting.push(row)
      else merge(row)
    },
    take: (number) => {
      if (waiting.length === 0) {
        waiting = [...merged.values()]
        merged.clear()
      }
      return waiting.splice(0, number)
    },
    putBack: (rows) => {
      waiting = [...rows, ...waiting]
    },
    size: () => waiting.length + merged.size,
  }
}
