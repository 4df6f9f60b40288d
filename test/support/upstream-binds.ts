import { createServer, type AddressInfo } from 'node:net'
import { afterEach } from 'vitest'
import { readBindRequest, type BindRequest } from '../../gateway/smpp/bind-request.ts'
import { commands } from '../../gateway/smpp/constants.ts'
import type { BindFailure, Bound, SmppUpstream } from '../../gateway/smpp/upstream-attempt.ts'
import { createUpstreamBinds, type UpstreamBinds } from '../../gateway/smpp/upstream-bind.ts'
import { createCertificate } from './certificate.ts'
import { bindBody, pdu } from './pdu.ts'
import type { RawPeer } from './raw-peer.ts'
import { startScriptedSmsc, type ScriptedSmsc } from './scripted-smsc.ts'

export const authority = createCertificate('authority')
export const certificate = createCertificate('localhost', authority)

export const open = new Set<ScriptedSmsc>()
afterEach(() => {
  for (const smsc of open) smsc.close()
  open.clear()
})

export const start = async (
  ...script: Parameters<typeof startScriptedSmsc>
): Promise<ScriptedSmsc> => {
  const smsc = await startScriptedSmsc(...script)
  open.add(smsc)
  return smsc
}

export const request = readBindRequest(
  pdu(commands.bind_transceiver, 0xfffffff7, bindBody({ systemType: 'VMA\0' })),
) as BindRequest

export type Result = Bound | BindFailure
export type Tried = { binds: UpstreamBinds; failures: [port: number, BindFailure][] }

export const upstreamBinds = (
  upstreams: readonly Partial<SmppUpstream>[],
  changes: { deadlineMs?: number; elapsed?: () => number } = {},
): Tried => {
  const [first, ...others] = upstreams.map((upstream): SmppUpstream => ({
    host: '127.0.0.1',
    port: 1,
    ...upstream,
  }))
  if (first === undefined) throw new Error('no upstream')
  const failures: Tried['failures'] = []
  const made = createUpstreamBinds({
    upstreams: [first, ...others],
    deadlineMs: 400,
    downMs: 1_000,
    closeMs: 200,
    elapsed: () => performance.now(),
    onFailure: ({ port }, failure) => failures.push([port, failure]),
    ...changes,
  })
  return { binds: made, failures }
}

export const bind = ({ binds: made }: Tried): Promise<Result> =>
  new Promise((resolve) => {
    made.bind(request, resolve)
  })

export const bound = async (tried: Tried): Promise<Bound> => {
  const result = await bind(tried)
  if (!('socket' in result)) throw new Error(result.detail)
  return result
}

export const closed = async (peer: RawPeer | undefined): Promise<void> => {
  await peer?.ended
}

export const closedPort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
