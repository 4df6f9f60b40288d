import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { serveCli, type Served } from './cli.ts'
import { basic } from './gateway.ts'
import { startRedisServer } from './redis.ts'
import { startUpstream, type TestUpstream } from './upstream.ts'
import { alicesPassword, usedFolder } from './used-folder.ts'

/** A gateway of two workers, with a Redis and an upstream of its own. */
export type ServedByWorkers = Served & {
  readonly upstream: TestUpstream
  readonly adminUrl: string
  /** The workers that are up, by their process ids. */
  readonly pids: () => readonly number[]
  /** All processes of this gateway that there are now. */
  readonly processes: () => readonly number[]
  /** What was logged with this event. */
  readonly logged: (event: string) => readonly Record<string, unknown>[]
}

export type WorkersOptions = {
  readonly env?: Readonly<Record<string, string>>
  /** As the JSON file of settings. */
  readonly file?: Readonly<Record<string, unknown>>
  readonly answer?: Parameters<typeof startUpstream>[0]
}

/** Processes that have this word on their command line. */
export const processesWith = (word: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word)
      } catch {
        return false
      }
    })
    .map(Number)

const eventsOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.includes('"event"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** Kills what a test that failed has left. */
const sweep = (word: string): void => {
  for (const pid of processesWith(word)) process.kill(pid, 'SIGKILL')
}

export const serveWorkers = async (options: WorkersOptions = {}): Promise<ServedByWorkers> => {
  const redis = await startRedisServer()
  onTestFinished(redis.stop)
  const upstream = await startUpstream(options.answer)
  onTestFinished(upstream.stop)
  const dataDir = await usedFolder()
  const config = join(dataDir, 'settings.json')
  writeFileSync(config, JSON.stringify({ ...options.file }))
  onTestFinished(() => {
    sweep(config)
  })
  const env = { HTTP_UPSTREAM: upstream.url, DATA_DIR: dataDir, REDIS_URL: redis.url }
  const served = await serveCli({ ...env, ...options.env }, ['--workers', '2', '--config', config])
  const logged = (event: string) =>
    eventsOf(served.said.out).filter((line) => line['event'] === event)
  return {
    ...served,
    upstream,
    adminUrl: `http://${String(served.listening['admin'])}`,
    pids: () => {
      const ended = new Set(logged('worker-ended').map(({ pid }) => pid))
      return logged('worker-up')
        .map(({ pid }) => Number(pid))
        .filter((pid) => !ended.has(pid))
    },
    processes: () => processesWith(config),
    logged,
  }
}

export const alice = basic('alice', alicesPassword)

/** The status of an answer that came whole, on a connection of its own, or how it ended. */
export const ask = (url: string, authorization = alice): Promise<number | 'cut' | 'late'> =>
  new Promise((resolve) => {
    const cut = (): void => {
      resolve('cut')
    }
    const outgoing = request(url, { agent: false, headers: { authorization }, timeout: 20_000 })
    outgoing.on('error', cut).on('timeout', () => {
      resolve('late')
      outgoing.destroy()
    })
    outgoing.on('response', (incoming) => {
      incoming.resume().on('error', cut)
      incoming.on('end', () => {
        resolve(incoming.statusCode ?? 0)
      })
    })
    outgoing.end()
  })

/** Permits over HTTP, as whichever worker answers says of all of them. */
export const permits = async ({ adminUrl }: ServedByWorkers): Promise<number> => {
  const headers = { connection: 'close' }
  const text = await (await fetch(`${adminUrl}/metrics`, { headers })).text()
  const line = /^sallyport_decisions_total\{channel="http",effect="permit",reason=""\} (\d+)$/m
  return Number(line.exec(text)?.[1] ?? 0)
}

/** Waits for as long as a loaded machine may need. */
export const until = <T>(read: () => T) => expect.poll(read, { timeout: 20_000, interval: 20 })

/** Waits until two workers are up. */
export const bothUp = ({ pids }: ServedByWorkers): Promise<void> =>
  until(() => pids().length).toBe(2)

/** Does it on each worker, while the others stand still and take nothing. */
export const onEach = async (
  { pids }: ServedByWorkers,
  work: () => Promise<unknown>,
): Promise<void> => {
  for (const pid of pids()) {
    const others = pids().filter((other) => other !== pid)
    for (const other of others) process.kill(other, 'SIGSTOP')
    await work()
    for (const other of others) process.kill(other, 'SIGCONT')
  }
}
