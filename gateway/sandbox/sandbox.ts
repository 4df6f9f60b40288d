import type { Server } from 'node:http'
import type { Account } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { findMeta, setMeta } from '../../db/meta.ts'
import type { Core } from '../core.ts'
import { isLoopback } from '../endpoint.ts'
import type { Route } from '../http/routes.ts'
import { listen, writeEndpoint } from '../listening.ts'
import type { SmppUpstream } from '../upstream-urls.ts'
import { createSampleUpstream } from './http-upstream.ts'
import { createSampleSmsc } from './smsc.ts'
import { makeSampleUsers } from './users.ts'

/** The sample upstreams that stand in for those that are not configured. */
export type Samples = {
  readonly routes: readonly Route[]
  readonly smppUpstreams: readonly SmppUpstream[]
  readonly close: () => void
}

/** Where a gateway listens, as `host:port`. */
export type Places = {
  readonly http: string
  readonly smpp: string
  readonly smppTls?: string
  readonly admin: string
}

const mark = 'sandbox'

/** Sample users have passwords that everyone knows, so their data folder stays on loopback. */
export const refuseSandboxData = async ({ settings, database }: Core): Promise<void> => {
  if (settings.sandbox || (await findMeta(database, mark)) === undefined) return
  const { http, smpp, admin } = settings
  const open = [http.listen, smpp.listen, smpp.tlsListen, admin.listen].find(
    (endpoint) => endpoint !== undefined && !isLoopback(endpoint.host),
  )
  if (open !== undefined)
    throw new Error(
      `DATA_DIR ${settings.dataDir} was made by the sandbox, whose passwords everyone knows: choose another folder`,
    )
}

const body = `'{"messages":[{"destinations":[{"to":"41793026727"}],"content":{"text":"Hello"}}]}'`

/** What to try in the sandbox. */
const adviceFor = (key: string) => {
  return ({ http, smpp, admin }: Places): readonly string[] => {
    const send = (as: string): string =>
      `curl -i ${as} -H 'Content-Type: application/json' -d ${body} http://${http}/sms/3/messages`
    return [
      '',
      `Sallyport's sandbox is up: HTTP on ${http}, SMPP on ${smpp}, operations on http://${admin}`,
      '',
      'A permitted call (200, with the answer of the sample SMS API):',
      `  ${send('-u alice:sandbox-alice-1')}`,
      "The same with carol's API key, since basic credentials are not allowed for her:",
      `  ${send(`-H 'Authorization: App ${key}'`)}`,
      'A refused address (bob may only come from 203.0.113.0/24):',
      `  ${send('-u bob:sandbox-bob-01')}`,
      'A refused password (all refusals look the same but for their id):',
      `  ${send('-u alice:wrong-password')}`,
      'A lock: five different wrong passwords, and then the right one is refused too:',
      `  for i in 1 2 3 4 5; do curl -s -o /dev/null -w '%{http_code}\\n' -u alice:wrong-$i http://${http}/; done; curl -i -u alice:sandbox-alice-1 http://${http}/`,
      'A bind with any SMPP client, which gets its delivery receipt:',
      `  smpp://${smpp}  system_id alice  password sandbox-alice-1`,
      'And what became of it (unlocks alice again):',
      '  npm run cli -- user show alice; npm run cli -- user unlock alice',
      `The mails of it, kept instead of sent: http://${admin}/outbox`,
      '',
    ]
  }
}

/** From a message to its delivery receipt, in ms. */
const RECEIPT_MS = 500

const loopback = { host: '127.0.0.1', port: 0 } as const

const openSampleRoute = async (server: Server): Promise<readonly Route[]> => {
  const at = await listen(server, 'the sample upstream', loopback, true)
  const upstreams = [{ origin: `http://${writeEndpoint(at)}`, basePath: '' }]
  return [{ path: '/', upstreams, stripPath: false, forwardAuthorization: false }]
}

/** Starts a sample upstream for each protocol that has none; they listen on loopback. */
export const openSamples = async ({ settings, database, system }: Core): Promise<Samples> => {
  const http = settings.http.routes.length === 0 ? createSampleUpstream(database.newId) : undefined
  const smsc =
    settings.smpp.upstreams.length === 0
      ? createSampleSmsc({ now: system.now, receiptMs: RECEIPT_MS })
      : undefined
  const routes = http === undefined ? settings.http.routes : await openSampleRoute(http)
  const at = smsc && (await listen(smsc, 'the sample SMSC', loopback, true))
  return {
    routes,
    smppUpstreams: at === undefined ? settings.smpp.upstreams : [{ ...at, tls: false }],
    close: () => {
      smsc?.close()
      http?.closeAllConnections()
      http?.close()
    },
  }
}

/** Makes the sample users, and answers what to try with them. */
export const openSandbox = async (
  core: Core,
  account: Account,
): Promise<(at: Places) => readonly string[]> => {
  await transact(core.database, (tx) => setMeta(tx, mark, 'true'))
  return adviceFor(await makeSampleUsers(core, account))
}
