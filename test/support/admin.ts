import { findFirstAccount } from '../../db/accounts.ts'
import { findEventsAfter } from '../../db/events.ts'
import type { Fault } from '../../policies/faults.ts'
import {
  basic,
  startGateway,
  type TestGateway,
  type TestOptions,
  type TestUser,
} from './gateway.ts'

/** What tests look for in answers; the rest is compared as a whole. */
export type AnswerBody = {
  readonly id: string
  readonly type: string
  readonly instance: string
  readonly items: readonly Readonly<Record<string, unknown>>[]
  readonly next: string | null
  readonly total?: number
  readonly errors: readonly Fault[]
  readonly [name: string]: unknown
}

/** An answer of the admin API; its body is empty for none. */
export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly body: AnswerBody
}

export type Asked = {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Calls the API as one user: `await root('PATCH', '/users/…', { body: { … } })`. */
export type Client = (method: string, path: string, asked?: Asked) => Promise<Answer>

export type TestAdmin = TestGateway & {
  readonly accountId: string
  /** The Account admin `root`. */
  readonly root: Client
  readonly rootId: string
  /** Root's Authorization, for calls that are made by hand. */
  readonly authorization: string
  /** Makes a user with a password, allowed on HTTP, and a client of theirs. */
  readonly addClient: (user: TestUser) => Promise<{ readonly id: string; readonly call: Client }>
  /** A client with any Authorization (`App …`). */
  readonly clientOf: (authorization: string) => Client
  /** The newest rows of the audit that are changes, the newest first. */
  readonly audit: (count: number) => Promise<readonly Audited[]>
}

type Audited = {
  readonly action: string
  readonly actorId: string | null
  readonly userId: string | null
  readonly source: string | null
  readonly before: unknown
  readonly after: unknown
}

const createClient =
  (url: string, authorization: string): Client =>
  async (method, path, { body, headers } = {}) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(text === '' ? '{}' : text) as AnswerBody,
    }
  }

const parse = (text: string | null): unknown => (text === null ? null : JSON.parse(text))

/** Upstreams that nobody calls: without the sandbox there are no sample users. */
const noSandbox = { HTTP_UPSTREAM: 'http://127.0.0.1:9', SMPP_UPSTREAM: 'smpp://127.0.0.1:9' }

/** Starts the real gateway with an Account admin, and answers clients of its admin listener. */
export const startAdmin = async (options: TestOptions = {}): Promise<TestAdmin> => {
  const gateway = await startGateway({ ...options, env: { ...noSandbox, ...options.env } })
  const { database } = gateway.core
  const account = await findFirstAccount(database)
  if (account === undefined) throw new Error('no account')
  const clientOf = (authorization: string): Client => createClient(gateway.adminUrl, authorization)
  const addClient: TestAdmin['addClient'] = async (user) => {
    const password = user.password ?? `${user.username}-secret-1`
    const { id } = await gateway.addUser({ ...user, password })
    return { id, call: clientOf(basic(user.username, password)) }
  }
  const root = await addClient({
    username: 'root',
    email: 'root@example.com',
    roles: ['account-admin'],
  })
  return {
    ...gateway,
    accountId: account.id,
    root: root.call,
    rootId: root.id,
    authorization: basic('root', 'root-secret-1'),
    addClient,
    clientOf,
    audit: async (count) =>
      (await findEventsAfter(database, 0, 100_000))
        .filter(({ action }) => !action.startsWith('decision.'))
        .slice(-count)
        .reverse()
        .map(({ action, actorId, userId, source, before, after }) => ({
          ...{ action, actorId, userId, source },
          ...{ before: parse(before), after: parse(after) },
        })),
  }
}
