import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { until } from './smpp-pair.ts'

/** Whether tshark is installed, and demanded. */
export const hasTshark = spawnSync('tshark', ['--version']).status === 0
export const requiresTshark = process.env['REQUIRE_TSHARK'] === '1'

export type Capture = {
  /** Ends it once all that was sent until now is in the file. */
  readonly stop: () => Promise<void>
}

/** Captures what passes over these ports of the loopback; runs when this resolves. */
export const startCapture = async (file: string, ports: readonly number[]): Promise<Capture> => {
  // Nobody listens there: what is sent to it shows that the capture has come so far.
  const mark = 9
  const filter = [...ports, mark].map((port) => `tcp port ${port}`).join(' or ')
  const args = ['-i', 'lo', '-f', filter, '-w', file, '-P', '-l', '-Q', '-T', 'fields']
  const child = spawn('tshark', [...args, '-e', 'tcp.dstport', '-e', 'tcp.srcport'])
  let marks = 0
  let said = ''
  let isOver = false
  child.on('close', () => (isOver = true))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => {
    marks += chunk.toString().split(`${mark}\t`).length - 1
  })
  const seen = async (): Promise<void> => {
    const before = marks
    await until(() => {
      if (isOver) throw new Error(`tshark ended: ${said}`)
      connect(mark, '127.0.0.1').on('error', () => undefined)
      return marks > before
    })
  }
  await seen()
  return {
    stop: async () => {
      await seen()
      child.kill('SIGINT')
      await once(child, 'close')
    },
  }
}

/** What tshark reads in a capture, with these ports taken for SMPP. */
export const readCapture = (file: string, ports: readonly number[], args: readonly string[]) => {
  const decode = ports.flatMap((port) => ['-d', `tcp.port==${port},smpp`])
  const { stdout, status } = spawnSync('tshark', ['-r', file, ...decode, ...args])
  if (status !== 0) throw new Error(`tshark failed: ${status}`)
  return stdout.toString()
}

/** Both directions of the first connection to a port, as tshark puts them together. */
export const followStream = (file: string, port: number): { up: Buffer; down: Buffer } => {
  const stream = readCapture(
    file,
    [],
    [
      ...['-Y', `tcp.dstport == ${port} && tcp.flags.syn == 1 && tcp.flags.ack == 0`],
      ...['-T', 'fields', '-e', 'tcp.stream'],
    ],
  ).split('\n')[0]
  const text = readCapture(file, [], ['-q', '-z', `follow,tcp,raw,${stream ?? ''}`])
  const lines = text.split('\n').filter((line) => /^\t?[\da-f]+$/.test(line))
  const join = (some: readonly string[]): Buffer =>
    Buffer.from(some.map((line) => line.trim()).join(''), 'hex')
  return {
    up: join(lines.filter((line) => !line.startsWith('\t'))),
    down: join(lines.filter((line) => line.startsWith('\t'))),
  }
}
