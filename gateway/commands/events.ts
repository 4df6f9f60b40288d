import type { Command } from 'commander'
import { stringify } from 'csv-stringify/sync'
import type { EventRow } from '../../db/chain.ts'
import { findEventsAfter } from '../../db/events.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import { answer, timeOf, withDatabase, type Options, type Shell } from './shell.ts'

const pageSize = 500

const verify = (shell: Shell, options: Options): Promise<void> =>
  withDatabase(shell, options, async (database) => {
    const verified = await verifyEvents(database)
    const { ok, rows, firstBroken } = verified
    await answer(shell, options, verified, ok ? [`${rows} events, unbroken`] : [])
    if (!ok)
      throw new Error(
        `the audit is broken at row ${firstBroken?.seq ?? 0} (${firstBroken?.why ?? 'changed'}), after ${rows} sound ones`,
      )
  })

const columns = [
  'seq',
  'id',
  'at',
  'action',
  'channel',
  'accountId',
  'actorId',
  'userId',
  'username',
  'nameDigest',
  'source',
  'reason',
  'target',
  'count',
  'firstAt',
  'lastAt',
  'decisionId',
  'before',
  'after',
  'hash',
] as const satisfies readonly (keyof EventRow)[]

const inTime = (row: EventRow) => ({
  ...row,
  at: timeOf(row.at),
  firstAt: timeOf(row.firstAt),
  lastAt: timeOf(row.lastAt),
})

const valueOf = (json: string | null): unknown => (json === null ? null : JSON.parse(json))

const jsonLine = (row: EventRow): string => {
  const shown = { ...inTime(row), before: valueOf(row.before), after: valueOf(row.after) }
  return `${JSON.stringify(Object.fromEntries(columns.map((name) => [name, shown[name]])))}\n`
}

/** RFC 4180; what a spreadsheet would run stands behind a `'`. */
const csvOf = (rows: readonly EventRow[], header: boolean): string =>
  stringify(rows.map(inTime), {
    columns: [...columns],
    header,
    record_delimiter: 'windows',
    escape_formulas: true,
  })

type ExportOptions = Options & { readonly after?: string }

const exportEvents = (shell: Shell, command: Command): Promise<void> => {
  const options = command.optsWithGlobals<ExportOptions>()
  let after = Number(options.after ?? '0')
  if (!Number.isSafeInteger(after) || after < 0)
    return command.error('error: --after takes the number of a row')
  return withDatabase(shell, options, async (database) => {
    if (options.json !== true) await shell.print(csvOf([], true))
    for (;;) {
      const rows = await findEventsAfter(database, after, pageSize)
      const last = rows.at(-1)
      if (last === undefined) return
      await shell.print(options.json === true ? rows.map(jsonLine).join('') : csvOf(rows, false))
      after = last.seq
    }
  })
}

export const addEventsCommands = (program: Command, shell: Shell): void => {
  const events = program.command('events').description('the audit')
  events
    .command('verify')
    .description('walk the whole chain, and name where it is broken')
    .action((_, command: Command) => verify(shell, command.optsWithGlobals()))
  events
    .command('export')
    .description('all events as CSV, or as lines of JSON')
    .option('--after <row>', 'only what came after that row (seq)')
    .action((_, command: Command) => exportEvents(shell, command))
}
