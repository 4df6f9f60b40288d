/** One line of a result by column; the first line names the columns. */
export type Row = Readonly<Record<string, string | number>>

/** A figure that was promised, and whether it was reached; `unsure` when others disturbed it. */
export type Target = {
  readonly what: string
  readonly target: string
  readonly reached: string
  readonly met: 'yes' | 'no' | 'unsure'
}

/** What a bench answers with; `runs` is what the medians were made of, for the JSON file alone. */
export type Report = {
  readonly name: string
  readonly rows: readonly Row[]
  readonly targets?: readonly Target[]
  readonly notes?: readonly string[]
  readonly runs?: readonly Row[]
}

/** How long and how often to measure; what a bench has no use for it leaves. */
export type BenchOptions = {
  readonly quick: boolean
  readonly rounds: number | undefined
  readonly seconds: number | undefined
  readonly users: number | undefined
}

/** The module of a bench, `test/bench/<name>.ts`. */
export type Bench = (options: BenchOptions) => Promise<Report>

/** The middle one of an odd number of figures, the upper of the two middle ones of an even one. */
export const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? NaN

const write = (value: string | number): string => {
  if (typeof value === 'string') return value
  if (!Number.isFinite(value)) return '–'
  const digits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}

/** Lines of a table: text to the left, numbers to the right. */
export const tableOf = (rows: readonly Row[]): readonly string[] => {
  const columns = Object.keys(rows[0] ?? {})
  const cells = rows.map((row) => columns.map((column) => write(row[column] ?? '')))
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...cells.map((line) => line[index]?.length ?? 0)),
  )
  const isNumber = columns.map((column) => typeof rows[0]?.[column] === 'number')
  const lineOf = (line: readonly string[]): string =>
    line
      .map((cell, index) => {
        const width = widths[index] ?? 0
        return isNumber[index] === true ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [
    lineOf(columns),
    widths.map((width) => '─'.repeat(width)).join('  '),
    ...cells.map(lineOf),
  ]
}
