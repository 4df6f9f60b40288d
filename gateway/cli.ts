#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { createLog } from './log.ts'
import { readSettings, type SettingsFile } from './settings.ts'
import type { Settings } from './settings-value.ts'
import { start } from './start.ts'
import { createSystem } from './system.ts'

/** Where words for a person go; everything else on standard output is JSON. */
const say = (lines: readonly string[]): void => {
  process.stderr.write(`${lines.join('\n')}\n`)
}

const fail = (lines: readonly string[]): never => {
  say(lines)
  process.exit(1)
}

const lineOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const settingsFile = (path: string | undefined): SettingsFile | undefined => {
  if (path === undefined || path === '') return undefined
  try {
    return { path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    return fail([`SALLYPORT_CONFIG ${path}: ${lineOf(error)}`])
  }
}

type Options = { readonly config?: string; readonly check?: true }

const settingsOf = ({ config }: Options): Settings => {
  const read = readSettings(process.env, settingsFile(config ?? process.env['SALLYPORT_CONFIG']))
  if ('settings' in read) return read.settings
  return fail(read.faults.map(({ name, message }) => `${name}: ${message}`))
}

const serve = async (options: Options): Promise<void> => {
  const settings = settingsOf(options)
  if (options.check === true) {
    say(['The settings are right.'])
    return
  }
  const log = createLog(settings.logLevel)
  const gateway = await start({ settings, system: createSystem(), log })
  say(gateway.advice)
  const stop = (signal: string): void => {
    log.info({ event: 'stopping', signal }, 'stopping')
    gateway.stop().then(
      () => process.exit(0),
      (error: unknown) => fail([lineOf(error)]),
    )
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
}

const program = new Command('sallyport')
  .description('An access gateway for messaging platforms')
  .option('--config <file>', 'settings as JSON (or SALLYPORT_CONFIG)')
  .exitOverride()

program
  .command('serve', { isDefault: true })
  .description('start the gateway')
  .option('--check', 'read the settings, report every fault, start nothing')
  .action((options: Options) => serve({ ...program.opts<Options>(), ...options }))

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2)
  fail([lineOf(error)])
}
