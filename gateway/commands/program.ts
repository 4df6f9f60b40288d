import { Command, CommanderError } from 'commander'
import { createSystem } from '../system.ts'
import { addDataCommands } from './data.ts'
import { addEventsCommands } from './events.ts'
import { addExplainCommand } from './explain.ts'
import { addPasswordCommand } from './password.ts'
import { addServeCommand } from './serve.ts'
import { addSessionCommands } from './sessions.ts'
import { lineOf, type Environment, type Shell } from './shell.ts'
import { addUserCommands } from './users.ts'

const createShell = (environment: Environment): Shell => ({
  environment,
  system: createSystem(),
  input: process.stdin,
  print: (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => {
        if (error) reject(error)
        else resolve()
      })
    }),
  say: (lines) => {
    process.stderr.write(lines.map((line) => `${line}\n`).join(''))
  },
})

const createProgram = (shell: Shell): Command => {
  const program = new Command('sallyport')
    .description('An access gateway for messaging platforms')
    .option('--config <file>', 'settings as JSON (or SALLYPORT_CONFIG)')
    .option('--json', 'answer in JSON, a line for each thing')
    .exitOverride()
  addServeCommand(program, shell)
  const user = program.command('user').description('look at users and change them')
  addUserCommands(user, shell)
  addPasswordCommand(user, shell)
  addExplainCommand(program, shell)
  addSessionCommands(program, shell)
  addEventsCommands(program, shell)
  addDataCommands(program, shell)
  return program
}

const isClosedPipe = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EPIPE'

/** Runs one command; answers 0, 1 (refused or failed) or 2 (not a command). */
export const run = async (
  commandLine: readonly string[],
  environment: Environment,
): Promise<number> => {
  const shell = createShell(environment)
  process.stdout.on('error', () => undefined)
  try {
    await createProgram(shell).parseAsync(commandLine, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    // Who reads the answer has seen enough.
    if (isClosedPipe(error)) return 0
    shell.say([lineOf(error)])
    return 1
  }
}
