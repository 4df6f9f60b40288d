import { fileURLToPath } from 'node:url'
import type { Row, Target } from '../report.ts'
import { heard, type Stage } from '../stage.ts'
import type { Peer } from './peers.ts'
import type { BenchCredentials, BindTimes } from './words.ts'

const script = fileURLToPath(new URL('./bind-load.ts', import.meta.url))

const MOST_MS = 2

/** What a bind whose credential is cached costs beyond the answer of the SMSC itself. */
export const measureBindTime = async (
  stage: Stage,
  { gateway, smsc, credentials }: { gateway: Peer; smsc: Peer; credentials: BenchCredentials },
  binds: number,
): Promise<{ readonly run: Row; readonly target: Target; readonly note: string }> => {
  const { systemId, password } = credentials
  const words = [smsc.port, gateway.port, systemId, password, binds].map(String)
  const load = stage.start('load', process.execPath, [script, ...words])
  const line = await heard(load, (text) => (text.startsWith('{') ? text : undefined))
  const { straight, through, beyond } = JSON.parse(line) as BindTimes
  const job = `${binds} binds in turn, cached credential`
  return {
    run: { job, straight, through, beyond },
    note: `${job}: straight p50 ${straight.toFixed(2)} ms, through the gateway ${through.toFixed(2)} ms`,
    target: {
      what: `${job}: beyond the upstream’s own answer, p50`,
      target: `≤ ${MOST_MS} ms`,
      reached: `${beyond.toFixed(2)} ms`,
      met: beyond <= MOST_MS ? 'yes' : 'no',
    },
  }
}
