import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gatewayFlags } from '../program.ts'
import { freePort, heard, type Core, type Stage, type Started } from '../stage.ts'

/** One of those that are measured side by side, or the far SMSC with nothing in between. */
export type Peer = { readonly name: string; readonly port: number; readonly program: Started }

const readPort = (line: string): number | undefined => Number(line) || undefined

/** Starts a program of this folder, which prints its port when it is up. */
const startProgram = async (
  stage: Stage,
  core: Core,
  file: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<{ port: number; program: Started }> => {
  const script = fileURLToPath(new URL(file, import.meta.url))
  const program = stage.start(core, process.execPath, [...flags, script, ...args])
  return { program, port: await heard(program, readPort) }
}

export const startFarSmsc = async (stage: Stage): Promise<Peer> => ({
  name: 'nothing',
  ...(await startProgram(stage, 'load', 'far-smsc.ts')),
})

export const startBareRelay = async (stage: Stage, smsc: Peer): Promise<Peer> => ({
  name: 'relay',
  ...(await startProgram(stage, 'proxy', 'bare-relay.ts', [String(smsc.port)], gatewayFlags())),
})

export const startPackageRelay = async (stage: Stage, smsc: Peer): Promise<Peer> => ({
  name: 'smpp package',
  ...(await startProgram(stage, 'proxy', 'package-relay.ts', [String(smsc.port)])),
})

/** HAProxy as it comes, in TCP mode, on one thread. */
const haproxyConfig = (port: number, smsc: Peer): string => `
global
  nbthread 1
  maxconn 9500
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
listen smpp
  bind 127.0.0.1:${port} backlog 4096
  server smsc 127.0.0.1:${smsc.port}
`

export const startHaproxy = async (stage: Stage, smsc: Peer): Promise<Peer> => {
  const port = await freePort()
  const file = join(stage.folder, 'haproxy.cfg')
  writeFileSync(file, haproxyConfig(port, smsc))
  const program = stage.start('proxy', 'haproxy', ['-db', '-f', file])
  await wait(500)
  if (program.child.exitCode !== null) throw new Error(`haproxy ended: ${program.output()}`)
  return { name: 'HAProxy, TCP', port, program }
}
