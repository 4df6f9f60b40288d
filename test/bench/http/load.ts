import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuMs, type Stage } from '../stage.ts'
import type { Listening } from './nginx.ts'

/** What wrk sends, over and over. */
export type Job = {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Octets of the body. */
  readonly body?: number
  /** Octets of the answer, checked before measuring. */
  readonly answer: number
  /** Authorization values, each in turn. */
  readonly authorizations: readonly string[]
}

/** Latencies in ms; `cpu` is how many cores' time the proxy used. */
export type Measured = {
  readonly requests: number
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
}

export const CONNECTIONS = 32

/** Set by a script so that wrk still builds one request, or a table of them, once. */
const scriptOf = ({ method, body, authorizations }: Job): string => `
wrk.method = "${method}"
wrk.headers["Authorization"] = "${authorizations[0] ?? ''}"
${body === undefined ? '' : `wrk.headers["Content-Type"] = "application/octet-stream"\nwrk.body = string.rep("x", ${body})`}
${authorizations.length > 1 ? rotation(authorizations) : ''}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"p50":%d,"p99":%d,"status":%d,"socket":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
`

const rotation = (authorizations: readonly string[]): string => `
local values = {${authorizations.map((value) => `"${value}"`).join(',')}}
local requests, at = {}, 0
function init(args)
  for i, value in ipairs(values) do
    wrk.headers["Authorization"] = value
    requests[i] = wrk.format()
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
`

type Said = {
  readonly requests: number
  readonly us: number
  readonly p50: number
  readonly p99: number
  readonly status: number
  readonly socket: number
}

const readSaid = (text: string): Said => {
  const line = text.split('\n').findLast((each) => each.startsWith('{'))
  if (line === undefined) throw new Error(`wrk said nothing: ${text}`)
  return JSON.parse(line) as Said
}

/** Runs wrk for so many seconds; throws when an answer was not a success or a socket failed. */
export const measure = async (
  stage: Stage,
  job: Job,
  at: Pick<Listening, 'url' | 'proxy' | 'loadOn'>,
  seconds: number,
): Promise<Measured> => {
  const script = join(stage.folder, `${job.name.replace(/\W+/g, '-')}.lua`)
  writeFileSync(script, scriptOf(job))
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '30s', '--latency']
  const cpuBefore = cpuMs(at.proxy)
  const text = await stage.run(at.loadOn ?? 'load', 'wrk', [
    ...args,
    '-s',
    script,
    at.url + job.path,
  ])
  const used = cpuMs(at.proxy) - cpuBefore
  const { requests, us, p50, p99, status, socket } = readSaid(text)
  if (status > 0 || socket > 0 || requests === 0)
    throw new Error(
      `${job.name} at ${at.url}: ${requests} answers, ${status} of them refused, ${socket} sockets failed`,
    )
  return {
    requests,
    rate: (requests * 1e6) / us,
    p50: p50 / 1e3,
    p99: p99 / 1e3,
    cpu: (used * 1e3) / us,
  }
}
