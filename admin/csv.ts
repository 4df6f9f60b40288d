import { Readable } from 'node:stream'

/** A cell; what is no text is written as JSON writes it, and nothing for null. */
export type Cell = string | number | boolean | null

/** What a spreadsheet takes for a formula, also full-width or behind what cannot be seen (H7). */
const runs =
  /^(?:[\t\r\n]|[\s\p{Cc}\p{Default_Ignorable_Code_Point}]*[=+\-@\uff0b\uff0d\uff1d\uff20])/u

/** A spreadsheet may part cells at semicolons and tabs too, by where in the world it is. */
const needsQuotes = /[",;\t\r\n]/

const cellOf = (cell: Cell): string => {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell)
  const inert = runs.test(cell) ? `'${cell}` : cell
  return needsQuotes.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert
}

/** One record of RFC 4180, with its CRLF; no cell of it is run by a spreadsheet. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(cellOf).join(',')}\r\n`

const linesOf = async function* (
  columns: readonly string[],
  pages: AsyncIterable<readonly (readonly Cell[])[]>,
): AsyncGenerator<Buffer> {
  yield Buffer.from(csvLine(columns))
  for await (const rows of pages) yield Buffer.from(rows.map(csvLine).join(''))
}

/** The download of a CSV that is a stream of bytes already; null: what HEAD is told of it. */
export const csvDownload = (name: string, stream: ReadableStream | null): Response =>
  new Response(stream, {
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${name}"`,
      'cache-control': 'no-store',
    },
  })

/**
 * A download that is read no faster than it is taken, a page in memory at a time. What fails on the
 * way breaks it off, so that nobody takes a part for the whole; `onError` is told of it.
 */
export const csvResponse = ({
  name,
  columns,
  pages,
  onError,
}: {
  readonly name: string
  readonly columns: readonly string[]
  readonly pages: AsyncIterable<readonly (readonly Cell[])[]>
  readonly onError: (error: unknown) => void
}): Response => {
  const readable = Readable.from(linesOf(columns, pages), { objectMode: false })
  readable.on('error', onError)
  return csvDownload(name, Readable.toWeb(readable) as ReadableStream)
}
