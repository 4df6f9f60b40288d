import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createSystem } from '../../gateway/system.ts'
import { tableOf, type Bench, type BenchOptions, type Report } from './report.ts'

const names = ['http', 'smpp', 'decide', 'directory', 'password'] as const

const fileOf = (name: string): URL => new URL(`./${name}.ts`, import.meta.url)

const existing = names.filter((name) => existsSync(fileOf(name)))

const usage = `usage: npm run bench -- [${existing.join('|')} …] [--quick] [--rounds n] [--seconds n] [--users n]`

const positive = (written: string | undefined): number | undefined => {
  const number = Number(written)
  return written !== undefined && Number.isInteger(number) && number > 0 ? number : undefined
}

const readOptions = (): { readonly chosen: readonly string[]; readonly options: BenchOptions } => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      users: { type: 'string' },
    },
  })
  const stranger = positionals.find((name) => !existing.some((known) => known === name))
  if (stranger !== undefined) throw new Error(`there is no bench ${stranger}`)
  const { quick } = values
  const options = {
    quick,
    rounds: positive(values.rounds),
    seconds: positive(values.seconds),
    users: positive(values.users),
  }
  return { chosen: positionals.length > 0 ? positionals : existing, options }
}

const say = ({ name, rows, targets = [], notes = [] }: Report): void => {
  console.log(`\n${name}\n`)
  for (const line of tableOf(rows)) console.log(line)
  if (targets.length > 0) console.log('')
  for (const line of targets.length > 0 ? tableOf(targets) : []) console.log(line)
  for (const note of notes) console.log(`· ${note}`)
}

/** One file for each run, so that figures can be compared over time. */
const keep = (report: Report, options: BenchOptions): void => {
  const folder = new URL('./results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const at = new Date(createSystem().now()).toISOString()
  const machine = {
    node: process.version,
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
  }
  const file = new URL(`${report.name}-${at.replaceAll(':', '-')}.json`, folder)
  writeFileSync(file, `${JSON.stringify({ at, machine, options, ...report }, null, 2)}\n`)
  console.log(`· ${fileURLToPath(file)}`)
}

const load = async (name: string): Promise<Bench> =>
  ((await import(fileOf(name).href)) as { bench: Bench }).bench

const readOrFail = (): ReturnType<typeof readOptions> => {
  try {
    return readOptions()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    console.error(usage)
    return process.exit(2)
  }
}

const { chosen, options } = readOrFail()
try {
  for (const name of chosen) {
    const report = await (await load(name))(options)
    say(report)
    keep(report, options)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  if (error instanceof Error && error.cause !== undefined) console.error(error.cause)
  process.exit(1)
}
