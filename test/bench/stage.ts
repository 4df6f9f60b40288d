import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

/** Where the proxies run, and where the load and the upstream do; or all of them on both. */
export const cores = { proxy: '0', load: '1', both: '0,1' } as const

export type Core = keyof typeof cores

/** A program that was started; `output` is what it said lately, for when it fails. */
export type Started = { readonly child: ChildProcess; readonly output: () => string }

/** A temporary folder and the programs of a bench; all gone when this process ends, however. */
export type Stage = {
  readonly folder: string
  /** Starts a program pinned to a core. */
  readonly start: (core: Core, command: string, args: readonly string[]) => Started
  /** Runs a program to its end and answers its standard output; throws when it fails. */
  readonly run: (core: Core, command: string, args: readonly string[]) => Promise<string>
  readonly end: () => void
}

const paths = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

const isInstalled = (command: string): boolean =>
  paths.some((path) => {
    try {
      accessSync(join(path, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Throws one line that says what to install, or that the machine is too small. */
export const demand = (packages: Readonly<Record<string, string>>): void => {
  const missing = Object.keys(packages).filter((command) => !isInstalled(command))
  const names = new Set(missing.map((command) => packages[command]))
  if (missing.length > 0)
    throw new Error(
      `${missing.join(', ')} not found; on Debian or Ubuntu: apt-get install ${[...names].join(' ')}`,
    )
  if (availableParallelism() < 2) throw new Error('two cores are needed: one for the proxy alone')
}

const KEPT = 4_096

const keepTail = (child: ChildProcess): (() => string) => {
  let tail = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      tail = (tail + chunk.toString()).slice(-KEPT)
    })
  return () => tail
}

/** What a child inherits: no setting of the gateway that happens to be in the environment. */
const environment = { PATH: paths.join(delimiter), LANG: 'C', NODE_ENV: 'production' }

export const createStage = (): Stage => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const children = new Set<ChildProcess>()

  const start: Stage['start'] = (core, command, args) => {
    const pinned = ['-c', cores[core], command, ...args]
    const child = spawn('taskset', pinned, {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.add(child)
    child.once('exit', () => children.delete(child))
    return { child, output: keepTail(child) }
  }
  const end = (): void => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', end)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130))

  return {
    folder,
    start,
    run: async (core, command, args) => {
      const { child, output } = start(core, command, args)
      let said = ''
      child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
      const [code] = (await once(child, 'close')) as unknown[]
      if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${output()}`)
      return said
    },
    end,
  }
}

/** The first line of its standard output that `read` makes something of; throws if it ends first. */
export const heard = async <T>(
  { child, output }: Started,
  read: (line: string) => T | undefined,
): Promise<T> => {
  const found = Promise.withResolvers<T>()
  const lines = child.stdout && createInterface({ input: child.stdout })
  lines?.on('line', (line) => {
    const value = read(line)
    if (value !== undefined) found.resolve(value)
  })
  const onExit = (): void => {
    found.reject(new Error(`${child.spawnargs.join(' ')} ended: ${output()}`))
  }
  child.once('exit', onExit)
  try {
    return await found.promise
  } finally {
    child.off('exit', onExit)
    lines?.close()
    child.stdout?.resume()
  }
}

/** Waits until something answers there; throws if the program ends first, or after 5 s. */
export const answers = async ({ child, output }: Started, url: string): Promise<void> => {
  for (let tries = 0; tries < 250 && child.exitCode === null; tries++) {
    const response = await fetch(url).catch(() => undefined)
    await response?.arrayBuffer()
    if (response !== undefined) return
    await wait(20)
  }
  throw new Error(`${child.spawnargs.join(' ')} does not answer: ${output()}`)
}

/** A port of loopback that was free just now. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A hundredth of a second of processor time is the unit of /proc on Linux. */
const TICK_MS = 10

/** A process and those that it has forked. */
const familyOf = ({ child }: Started): readonly number[] => {
  const pid = child.pid ?? 0
  const forked = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
  return [pid, ...forked.trim().split(' ').filter(Boolean).map(Number)]
}

/** The sum over a program's processes; NaN where there is no /proc. */
const sumOf = (started: Started, of: (pid: number) => number): number => {
  try {
    return familyOf(started)
      .map(of)
      .reduce((a, b) => a + b, 0)
  } catch {
    return NaN
  }
}

/** Processor time that a program has used so far, all processes and threads, in ms. */
export const cpuMs = (started: Started): number =>
  sumOf(started, (pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  })

/** Memory that a program holds, all processes, in MiB. */
export const residentMiB = (started: Started): number =>
  sumOf(started, (pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024
  })
