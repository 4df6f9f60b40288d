import type { Fault } from '../policies/faults.ts'
import { problemOf } from '../policies/problem.ts'
import type { MessageId } from '../policies/reasons.ts'

type Reading = {
  readonly status: 400 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 422 | 503
  /** `urn:sallyport:` and this. */
  readonly type: string
  readonly title: string
  readonly messageId: MessageId
}

const conflict = <Type extends string>(type: Type, title: string) =>
  ({ status: 409, type, title, messageId: 'BAD_REQUEST' }) as const
const badRequest = { status: 400, type: 'bad-request', messageId: 'BAD_REQUEST' } as const
const notFound = {
  status: 404,
  type: 'not-found',
  title: 'Not found',
  messageId: 'NOT_FOUND',
} as const

/**
 * Everything that the admin API refuses after the decision that let its caller in. Functions of
 * `db/` answer `{ refused }` with these names, so that a route hands them on as they are.
 */
export const problems = {
  malformed: { ...badRequest, title: 'The body is not JSON' },
  'doubled-name': { ...badRequest, title: 'A name stands twice in one object' },
  'too-many-names': {
    status: 422,
    type: 'invalid-input',
    title: 'An object of the body has too many names',
    messageId: 'BAD_REQUEST',
  },
  'too-deep': { ...badRequest, title: 'The body is nested too deeply' },
  /** As the decision says it of a whole route: here of ids that are not one's own. */
  forbidden: { status: 403, type: 'forbidden', title: 'Forbidden', messageId: 'FORBIDDEN' },
  'beyond-own-rights': {
    status: 403,
    type: 'beyond-own-rights',
    title: 'This reaches beyond your own rights',
    messageId: 'FORBIDDEN',
  },
  'not-found': notFound,
  'method-not-allowed': {
    status: 405,
    type: 'method-not-allowed',
    title: 'Method not allowed',
    messageId: 'BAD_REQUEST',
  },
  'user-unknown': notFound,
  'role-unknown': notFound,
  'last-admin': conflict('last-admin', 'An account keeps an active Account admin'),
  'own-account': conflict('own-account', 'Nobody does this to their own account'),
  'safelist-excludes-you': conflict(
    'safelist-excludes-you',
    'The list does not cover the address that you come from',
  ),
  'username-taken': conflict('username-taken', 'The username is taken'),
  'name-taken': conflict('name-taken', 'The name is taken'),
  'email-taken': conflict('email-taken', 'The e-mail address is taken'),
  'invite-over': conflict('invite-over', 'The invite was accepted or revoked, or has expired'),
  'role-predefined': conflict('role-predefined', 'Nobody changes a predefined role'),
  'role-in-use': conflict('role-in-use', 'Somebody holds this role'),
  'too-many-exports': {
    status: 503,
    type: 'overloaded',
    title: 'Other exports are on their way: try again when they are done',
    messageId: 'GENERAL_ERROR',
  },
  stale: {
    status: 412,
    type: 'precondition-failed',
    title: 'It was changed meanwhile',
    messageId: 'BAD_REQUEST',
  },
  'content-too-large': {
    status: 413,
    type: 'content-too-large',
    title: 'Content too large',
    messageId: 'BAD_REQUEST',
  },
  'unsupported-media-type': {
    status: 415,
    type: 'unsupported-media-type',
    title: 'Send application/json',
    messageId: 'BAD_REQUEST',
  },
  invalid: {
    status: 422,
    type: 'invalid-input',
    title: 'Some fields are at fault',
    messageId: 'BAD_REQUEST',
  },
} as const satisfies Record<string, Reading>

export type ProblemName = keyof typeof problems

/** A refusal as a value; further members go into the problem. */
export type Refused = {
  readonly refused: ProblemName
  readonly clientAddress?: string | undefined
}

/** Faults in the input, all at once. */
export type Faulty = { readonly faults: readonly Fault[] }

/** More of them help nobody, and cost whoever writes them. */
const mostFaults = 100

/** Renders a refusal under the id of the decision that let its caller in. */
export const renderRefused = (
  { refused, clientAddress }: Refused,
  decisionId: string,
  faults?: readonly Fault[],
): Response => {
  const reading: Reading = problems[refused]
  const body = {
    ...problemOf(reading, decisionId),
    ...(clientAddress === undefined ? {} : { clientAddress }),
    ...(faults === undefined ? {} : { errors: faults.slice(0, mostFaults) }),
  }
  return new Response(JSON.stringify(body), {
    status: reading.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-sallyport-decision': decisionId,
    },
  })
}
