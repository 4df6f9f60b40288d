import type { Account } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { findMeta, setMeta } from '../../db/meta.ts'
import type { Core } from '../core.ts'
import { isLoopback } from '../endpoint.ts'
import type { Route } from '../http/routes.ts'
import { listen, writeEndpoint } from '../listening.ts'
import { createSampleUpstream } from './http-upstream.ts'
import { makeSampleUsers } from './users.ts'

/** A gateway to try: sample upstreams and sample users, everything on loopback. */
export type Sandbox = {
  readonly routes: readonly Route[]
  /** What to try, for the places where the gateway listens. */
  readonly advice: (at: { readonly http: string; readonly admin: string }) => readonly string[]
  readonly close: () => Promise<void>
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

const adviceFor = (key: string) => {
  return ({ http, admin }: { http: string; admin: string }): readonly string[] => {
    const send = (as: string): string =>
      `curl -i ${as} -H 'Content-Type: application/json' -d ${body} http://${http}/sms/3/messages`
    return [
      '',
      `Sallyport's sandbox is up: data plane http://${http}, operations http://${admin}`,
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
      'And what became of it (unlocks alice again):',
      '  npm run cli -- user show alice; npm run cli -- user unlock alice',
      '',
    ]
  }
}

/** Starts the sample upstream and makes the sample users. */
export const openSandbox = async (core: Core, account: Account): Promise<Sandbox> => {
  await transact(core.database, (tx) => setMeta(tx, mark, 'true'))
  const key = await makeSampleUsers(core, account)
  const upstream = createSampleUpstream(core.database.newId)
  const at = await listen(upstream, 'the sample upstream', { host: '127.0.0.1', port: 0 })
  return {
    routes: [
      {
        path: '/',
        upstreams: [{ origin: `http://${writeEndpoint(at)}`, basePath: '' }],
        stripPath: false,
        forwardAuthorization: false,
      },
    ],
    advice: adviceFor(key),
    close: async () => {
      upstream.closeAllConnections()
      await new Promise((resolve) => upstream.close(resolve))
    },
  }
}
