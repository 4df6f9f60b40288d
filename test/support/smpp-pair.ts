import { setTimeout as wait } from 'node:timers/promises'
import { findEventsAfter } from '../../db/events.ts'
import { commands } from '../../gateway/smpp/constants.ts'
import { startGateway, type TestGateway, type TestOptions } from './gateway.ts'
import { bindBody, pdu, readPdu, type BindBody } from './pdu.ts'
import { connectPeer, type RawPeer } from './raw-peer.ts'
import { startRecordingSmsc, type Answer, type RecordingSmsc } from './recording-smsc.ts'

/** A gateway with a recording SMSC behind it. */
export type SmppPair = {
  readonly smsc: RecordingSmsc
  readonly gateway: TestGateway
  readonly stop: () => Promise<void>
}

/** Short steps at an end, so that a test sees all of them; refusals wait for no floor. */
export const shortEnds = { graceMs: 200, unbindMs: 300, closeMs: 100 } as const

export const alicesSecret = 'alice-secret-1'

/** Both started, with alice among the users. */
export const startSmppPair = async (
  options: TestOptions & { readonly answer?: Answer | undefined } = {},
): Promise<SmppPair> => {
  const smsc = await startRecordingSmsc(options.answer)
  const { limits = {}, smppLimits = {}, ...file } = options.file ?? {}
  const gateway = await startGateway({
    ...options,
    env: { SMPP_UPSTREAM: `smpp://127.0.0.1:${smsc.port}`, ...options.env },
    file: {
      ...file,
      limits: { floorMs: 0, ...(limits as object) },
      smppLimits: { end: shortEnds, ...(smppLimits as object) },
    },
    users: [{ username: 'alice', password: alicesSecret }, ...(options.users ?? [])],
  })
  return {
    smsc,
    gateway,
    stop: async () => {
      await gateway.stop()
      smsc.close()
    },
  }
}

export type BindAs = {
  readonly username?: string
  readonly password?: string
  readonly command?: 'bind_transmitter' | 'bind_receiver' | 'bind_transceiver'
  readonly sequence?: number
  readonly body?: BindBody
}

/** The octets of a bind; alice's unless told otherwise. */
export const bindPdu = (as: BindAs = {}): Buffer =>
  pdu(
    commands[as.command ?? 'bind_transceiver'],
    as.sequence ?? 1,
    bindBody({
      systemId: `${as.username ?? 'alice'}\0`,
      password: `${as.password ?? alicesSecret}\0`,
      ...as.body,
    }),
  )

export type Answered = {
  readonly peer: RawPeer
  readonly answer: ReturnType<typeof readPdu>
  readonly octets: Buffer
}

/** Binds on a new connection and awaits the answer, whatever it is. */
export const bind = async (port: number, as: BindAs = {}): Promise<Answered> => {
  const peer = await connectPeer(port)
  peer.send(bindPdu(as))
  const octets = await peer.next()
  return { peer, answer: readPdu(octets), octets }
}

/** Binds and has to succeed. */
export const bound = async (port: number, as: BindAs = {}): Promise<RawPeer> => {
  const { peer, answer } = await bind(port, as)
  if (answer.status !== 0) throw new Error(`not bound: ${answer.status}`)
  return peer
}

/** Unbinds as a client does, and awaits the close. */
export const unbind = async (peer: RawPeer): Promise<void> => {
  peer.send(pdu(commands.unbind, 0x7fff))
  await peer.ended
}

/**
 * Reasons of the refused binds that the audit tells of, of one user if named, the latest last; alike
 * within a minute: once or, when that minute is over, twice.
 */
export const refusalsOf = async (
  { core }: TestGateway,
  of?: string,
): Promise<(string | null)[]> => {
  await core.refusals.flush()
  const events = await findEventsAfter(core.database, 0, 10_000)
  return events
    .filter(({ action, channel }) => action === 'decision.refused' && channel === 'smpp')
    .filter(({ username }) => of === undefined || username === of)
    .toSorted((one, other) => one.lastAt - other.lastAt)
    .map(({ reason }) => reason)
}

/** Waits until something is so; the test's own deadline ends it if it never is. */
export const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await wait(5)
}
