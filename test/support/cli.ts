import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const program = fileURLToPath(new URL('../../gateway/cli.ts', import.meta.url))

/** Nothing of the settings that this machine may have in its environment. */
const environmentOf = (env: Readonly<Record<string, string>>): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HTTP_LISTEN: '127.0.0.1:0',
  SMPP_LISTEN: '127.0.0.1:0',
  ADMIN_LISTEN: '127.0.0.1:0',
  ...env,
})

const spawnCli = (
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess => {
  const [file = '', ...args] = command
  const child = spawn(file, args, { env: environmentOf(env) })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

const collect = (child: ChildProcess): { out: string; err: string } => {
  const said = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    said.out += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    said.err += chunk.toString()
  })
  return said
}

/** How a command ended, and what it said on which stream. */
export type Ran = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/** Runs one command of the real program to its end. */
export const runCli = async (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input: string | Uint8Array = '',
): Promise<Ran> => {
  const child = spawnCli([process.execPath, program, ...args], env)
  const said = collect(child)
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, ...said }
}

export type Served = {
  readonly child: ChildProcess
  /** The log line that says where it listens. */
  readonly listening: Readonly<Record<string, unknown>>
  readonly url: string
  /** From the start of the process to that line, in ms. */
  readonly tookMs: number
  readonly said: { readonly out: string; readonly err: string }
  /** Sends a signal and waits for the end. */
  readonly end: (signal: NodeJS.Signals) => Promise<Ran & { readonly tookMs: number }>
}

const lineWith = (text: string, event: string): Record<string, unknown> | undefined =>
  text
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>)[0]

/** Starts the real gateway as a process of its own, and waits until it listens. */
export const serveCli = async (
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  command: readonly string[] = [process.execPath, program, 'serve'],
): Promise<Served> => {
  const startedAt = performance.now()
  const child = spawnCli([...command, ...args], env)
  const said = collect(child)
  const listening = await new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout?.on('data', () => {
      const line = lineWith(said.out, 'listening')
      if (line !== undefined) resolve(line)
    })
    child.on('exit', () => {
      reject(new Error(`the gateway ended: ${said.err}`))
    })
  })
  const tookMs = performance.now() - startedAt
  return {
    child,
    listening,
    url: `http://${String(listening['http'])}`,
    tookMs,
    said,
    end: async (signal) => {
      const endedAt = performance.now()
      child.kill(signal)
      const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
      return { code, signal: by, ...said, tookMs: performance.now() - endedAt }
    },
  }
}
