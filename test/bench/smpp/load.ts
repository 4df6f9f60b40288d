/** The load generator: binds on raw bytes that keep so many submit_sm in flight each. */
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { bindPdu, createCutter, submitPdu } from './pdus.ts'
import { READY, type Answered, type BenchCredentials, type Bound } from './words.ts'

/** Numbers run from 1 to this and begin anew; two laps lie ready, so that no burst must be cut. */
const LAP = 1_024
const ready = Buffer.concat(
  Array.from({ length: 2 * LAP }, (_, index) => submitPdu(1 + (index % LAP))),
)
const OCTETS = ready.length / (2 * LAP)

/** One of so many answers is timed when many are in flight. */
const SAMPLED = 64

type Meter = { isOn: boolean; answered: number; readonly took: number[] }

const percentiles = (took: readonly number[]): { p50: number; p99: number } => {
  const sorted = Float64Array.from(took).sort()
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? NaN
  return { p50: at(0.5), p99: at(0.99) }
}

/** A bound socket, or undefined if that was refused. */
const bind = (port: number, credentials: BenchCredentials): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const refuse = (): void => {
      resolve(undefined)
    }
    socket.on('error', refuse).on('close', refuse)
    socket.once('data', (answer: Buffer) => {
      resolve(answer.readUInt32BE(8) === 0 ? socket : undefined)
    })
    socket.write(bindPdu(credentials, 1))
  })

const drive = (socket: Socket, inFlight: number, meter: Meter): void => {
  const sentAt = new Float64Array(LAP)
  let next = 0
  let answered = 0
  const send = (count: number): void => {
    socket.write(ready.subarray(next * OCTETS, (next + count) * OCTETS))
    const now = performance.now()
    for (let index = 0; index < count; index++) sentAt[(next + index) % LAP] = now
    next = (next + count) % LAP
  }
  const cut = createCutter((view, at) => {
    answered += 1
    const sequence = view.getUint32(at + 12)
    if (view.getUint32(at + 8) !== 0) throw new Error('a message was refused')
    if (meter.isOn && (inFlight === 1 || sequence % SAMPLED === 0))
      meter.took.push(performance.now() - (sentAt[sequence - 1] ?? 0))
  })
  socket.on('data', (chunk: Buffer) => {
    answered = 0
    cut(chunk)
    if (answered === 0) return
    if (meter.isOn) meter.answered += answered
    send(answered)
  })
  send(inFlight)
}

const submit = async (
  sockets: readonly Socket[],
  inFlight: number,
  seconds: number,
): Promise<Answered> => {
  const meter: Meter = { isOn: false, answered: 0, took: [] }
  for (const socket of sockets) drive(socket, inFlight, meter)
  await wait(Math.min(1_000, seconds * 500))
  console.log(READY)
  const startedAt = performance.now()
  meter.isOn = true
  await wait(seconds * 1_000)
  meter.isOn = false
  const rate = (meter.answered * 1_000) / (performance.now() - startedAt)
  return { rate, ...percentiles(meter.took) }
}

/** Binds so many at once. */
const bindAll = async (
  port: number,
  count: number,
  credentials: BenchCredentials,
): Promise<{ sockets: Socket[]; bound: Bound }> => {
  const startedAt = performance.now()
  const took: number[] = []
  const all = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = await bind(port, credentials)
      took.push(performance.now() - startedAt)
      return socket
    }),
  )
  const tookMs = performance.now() - startedAt
  const sockets = all.filter((socket) => socket !== undefined)
  return { sockets, bound: { tookMs, refused: count - sockets.length, ...percentiles(took) } }
}

/** Arguments: port, system_id, password, binds, submits in flight on each, seconds. */
const [port, systemId = '', password = '', binds, inFlight, seconds] = process.argv.slice(2)
const { sockets, bound } = await bindAll(Number(port), Number(binds), { systemId, password })
if (Number(inFlight) > 0) {
  if (bound.refused > 0) throw new Error(`${bound.refused} binds were refused`)
  console.log(JSON.stringify(await submit(sockets, Number(inFlight), Number(seconds))))
} else {
  console.log(READY)
  await wait(Number(seconds) * 1_000)
  console.log(JSON.stringify(bound))
}
process.exit()
