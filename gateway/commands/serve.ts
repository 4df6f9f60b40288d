import { availableParallelism } from 'node:os'
import { InvalidArgumentError, type Command } from 'commander'
import { hashingConcurrency } from '../../db/hashing.ts'
import { createLog } from '../log.ts'
import type { Settings } from '../settings-value.ts'
import { start } from '../start.ts'
import { nextSignal, stopInTime } from '../stopping.ts'
import { readTlsOptions } from '../tls.ts'
import { lead } from '../workers-lead.ts'
import { isMember, joinWorkers, type Member } from '../workers-member.ts'
import type { Start } from '../workers-messages.ts'
import { findSettingsFile, lineOf, settingsOf, type Options, type Shell } from './shell.ts'

type ServeOptions = Options & { readonly check?: true; readonly workers?: number }

/** More are more than any machine's cores, and most likely a slip. */
const MOST_WORKERS = 1_024

const parseWorkers = (written: string): number => {
  if (written === 'auto') return availableParallelism()
  const count = /^[1-9]\d{0,3}$/.test(written) ? Number(written) : Infinity
  if (count <= MOST_WORKERS) return count
  throw new InvalidArgumentError(`must be auto, or 1 to ${MOST_WORKERS}`)
}

const checkFiles = ({ http, smpp }: Settings): void => {
  if (http.tls !== undefined) readTlsOptions(http.tls, 'HTTP_TLS')
  if (smpp.tls !== undefined) readTlsOptions(smpp.tls, 'SMPP_TLS')
}

/** Workers share the cores, so each hashes on its part of them; each is a node with its own name. */
const partOf = (settings: Settings, { number, workers }: Start): Settings => {
  const cores = Math.floor(availableParallelism() / workers)
  const concurrency = settings.hashing.concurrency ?? hashingConcurrency(cores)
  const nodeName = settings.nodeName && `${settings.nodeName}/${number}`
  return { ...settings, nodeName, hashing: { ...settings.hashing, concurrency } }
}

const runMember = async (shell: Shell, options: ServeOptions, member: Member): Promise<void> => {
  const stopping = nextSignal()
  const { file, workers, number } = member.start
  const settings = partOf(settingsOf(shell, options, file, workers), member.start)
  const log = createLog(settings.logLevel).child({ worker: number })
  const { system } = shell
  const gateway = await start({ settings, system, log, renderMetrics: member.renderMetrics })
  member.tellMetrics(gateway.core.metrics.values)
  await member.tell({ kind: 'up', places: gateway.places })
  await Promise.race([stopping, member.stopping])
  await stopInTime(gateway, settings)
}

/** What it fails of is said once, by the primary; so it is not thrown here. */
const serveAsMember = async (shell: Shell, options: ServeOptions): Promise<void> => {
  const member = await joinWorkers()
  try {
    await runMember(shell, options, member)
  } catch (error) {
    await member.tell({ kind: 'failed', line: lineOf(error) })
    process.exit(1)
  }
}

const serve = async (shell: Shell, options: ServeOptions): Promise<void> => {
  if (isMember()) return serveAsMember(shell, options)
  const { workers: count = 1, check } = options
  const file = findSettingsFile(shell, options)
  const settings = settingsOf(shell, options, file, count)
  if (check === true || count > 1) checkFiles(settings)
  if (check === true) {
    shell.say(['The settings are right.'])
    return
  }
  const stopping = nextSignal()
  const { system, say } = shell
  const log = createLog(settings.logLevel)
  if (count > 1) return lead({ settings, system, log, count, file, stopping, say })
  const gateway = await start({ settings, system, log })
  log.info({ event: 'listening', ...gateway.places }, 'listening')
  say(gateway.advice)
  log.info({ event: 'stopping', signal: await stopping }, 'stopping')
  await stopInTime(gateway, settings)
}

export const addServeCommand = (program: Command, shell: Shell): void => {
  program
    .command('serve', { isDefault: true })
    .description('start the gateway')
    .usage('[options]')
    .argument('[word]')
    .option(
      '--check',
      'read the settings and the files they name, report every fault, start nothing',
    )
    .option(
      '--workers <number>',
      'so many processes behind the same listeners; auto: one for each core',
      parseWorkers,
    )
    .action((word: string | undefined, _, command: Command) => {
      // As the default command it is handed what is none.
      if (word !== undefined) return command.error(`error: unknown command '${word}'`)
      return serve(shell, command.optsWithGlobals())
    })
}
