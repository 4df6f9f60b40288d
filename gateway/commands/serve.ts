import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { createLog } from '../log.ts'
import { start } from '../start.ts'
import { readTlsOptions } from '../tls.ts'
import { settingsOf, type Options, type Shell } from './shell.ts'

/** With the usual `drainMs` it makes ten seconds in all. */
const CLOSING_MS = 2_000

type ServeOptions = Options & { readonly check?: true }

/**
 * The first SIGTERM or SIGINT, also one that comes while the gateway is still starting. Further ones
 * change nothing, since some parents send each twice (npm, to a group); the drain has its end.
 */
const nextSignal = (): Promise<string> =>
  new Promise((resolve) => {
    process.on('SIGTERM', resolve).on('SIGINT', resolve)
  })

const serve = async (shell: Shell, options: ServeOptions): Promise<void> => {
  const settings = settingsOf(shell, options)
  if (options.check === true) {
    const { http, smpp } = settings
    if (http.tls !== undefined) readTlsOptions(http.tls, 'HTTP_TLS')
    if (smpp.tls !== undefined) readTlsOptions(smpp.tls, 'SMPP_TLS')
    shell.say(['The settings are right.'])
    return
  }
  const stopping = nextSignal()
  const log = createLog(settings.logLevel)
  const gateway = await start({ settings, system: shell.system, log })
  log.info({ event: 'listening', ...gateway.places }, 'listening')
  shell.say(gateway.advice)
  const signal = await stopping
  log.info({ event: 'stopping', signal }, 'stopping')
  const stopped = gateway.stop().then(() => true)
  // What runs has eight tenths of `drainMs`; the rest is for writing what is in memory.
  const deadline = settings.limits.drainMs * 0.8 + CLOSING_MS
  const inTime = await Promise.race([stopped, wait(deadline, false, { ref: false })])
  if (!inTime) throw new Error('the time to stop is over, and not everything could be written')
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
    .action((word: string | undefined, _, command: Command) => {
      // As the default command it is handed what is none.
      if (word !== undefined) return command.error(`error: unknown command '${word}'`)
      return serve(shell, command.optsWithGlobals())
    })
}
