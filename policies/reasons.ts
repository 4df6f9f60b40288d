/**
 * Every refusal there is, with its reading on each wire. `http` is the status code (RFC 9110),
 * `smpp` the command_status of the bind response (SMPP 3.4 §5.1.3), `counts` what it is held against.
 */
export type Reading = {
  readonly http?: number
  readonly smpp?: number
  /** What a program tells the kinds of refusals apart by: `urn:sallyport:` and this (RFC 9457 §3.1.1). */
  readonly type: string
  readonly title: string
  readonly messageId: MessageId
  readonly counts?: 'source'
}

/** The envelope's closed list of message ids that clients of such platforms already parse. */
export type MessageId =
  'UNAUTHORIZED' | 'FORBIDDEN' | 'NOT_FOUND' | 'BAD_REQUEST' | 'TOO_MANY_REQUESTS' | 'GENERAL_ERROR'

const ESME_RSYSERR = 0x08
const ESME_RBINDFAIL = 0x0d
const ESME_RTHROTTLED = 0x58

/** All of these look the same from outside: bytes, but for the decision id, and time. */
const unauthorized = {
  http: 401,
  type: 'unauthorized',
  title: 'Invalid login details',
  messageId: 'UNAUTHORIZED',
} as const
const invalidLogin = { ...unauthorized, smpp: ESME_RBINDFAIL } as const
const counted = { ...invalidLogin, counts: 'source' } as const

/** SMPP knows neither keys nor sessions. */
const invalidKey = { ...unauthorized, counts: 'source' } as const

const badRequest = {
  http: 400,
  type: 'bad-request',
  title: 'Bad request',
  messageId: 'BAD_REQUEST',
} as const
const general = { messageId: 'GENERAL_ERROR', smpp: ESME_RSYSERR } as const
const serviceUnavailable = {
  ...general,
  http: 503,
  type: 'service-unavailable',
  title: 'Service unavailable',
} as const

export const reasons = {
  'request-malformed': badRequest,
  'source-unreadable': { ...badRequest, smpp: ESME_RBINDFAIL },
  'source-over-budget': {
    http: 429,
    smpp: ESME_RTHROTTLED,
    type: 'too-many-requests',
    title: 'Too many requests',
    messageId: 'TOO_MANY_REQUESTS',
  },
  'credential-absent': invalidLogin,
  'credential-malformed': counted,
  'credential-ambiguous': { ...badRequest, smpp: ESME_RBINDFAIL, counts: 'source' },
  'user-unknown': counted,
  'user-disabled': counted,
  'source-not-safelisted': counted,
  'basic-not-allowed': counted,
  'user-locked': counted,
  'secret-wrong': counted,
  'key-disabled': invalidKey,
  'key-expired': invalidKey,
  'key-source-not-allowed': invalidKey,
  'session-ended': unauthorized,
  'session-source-changed': unauthorized,
  'second-factor-required': {
    http: 401,
    type: 'second-factor-required',
    title: 'Second factor required',
    messageId: 'UNAUTHORIZED',
  },
  'permission-missing': {
    http: 403,
    smpp: ESME_RBINDFAIL,
    type: 'forbidden',
    title: 'Forbidden',
    messageId: 'FORBIDDEN',
  },
  'beyond-own-rights': {
    http: 403,
    type: 'beyond-own-rights',
    title: 'This reaches beyond your own rights',
    messageId: 'FORBIDDEN',
  },
  'cross-site': {
    http: 403,
    type: 'cross-site',
    title: 'Sent by a page of another site',
    messageId: 'FORBIDDEN',
  },
  'method-not-allowed': {
    http: 405,
    type: 'method-not-allowed',
    title: 'Method not allowed',
    messageId: 'BAD_REQUEST',
  },
  'route-unknown': {
    http: 404,
    type: 'not-found',
    title: 'Not found',
    messageId: 'NOT_FOUND',
  },
  'request-timeout': {
    http: 408,
    type: 'request-timeout',
    title: 'Request timeout',
    messageId: 'BAD_REQUEST',
  },
  'content-too-large': {
    http: 413,
    type: 'content-too-large',
    title: 'Content too large',
    messageId: 'BAD_REQUEST',
  },
  'header-fields-too-large': {
    http: 431,
    type: 'request-header-fields-too-large',
    title: 'Request header fields too large',
    messageId: 'BAD_REQUEST',
  },
  'bind-limit-reached': {
    smpp: ESME_RBINDFAIL,
    type: 'bind-limit-reached',
    title: 'Bind limit reached',
    messageId: 'FORBIDDEN',
  },
  'upstream-unreachable': { ...general, http: 502, type: 'bad-gateway', title: 'Bad gateway' },
  'upstream-timeout': { ...general, http: 504, type: 'gateway-timeout', title: 'Gateway timeout' },
  'upstream-refused-bind': {
    ...general,
    type: 'upstream-refused-the-bind',
    title: 'Upstream refused the bind',
  },
  overloaded: { ...serviceUnavailable, smpp: ESME_RTHROTTLED },
  unavailable: serviceUnavailable,
  internal: { ...general, http: 500, type: 'internal-error', title: 'Internal error' },
} as const satisfies Record<string, Reading>

export type Reason = keyof typeof reasons

/** The reading of a reason, widened so that every row has the same shape. */
export const readingOf = (reason: Reason): Reading => reasons[reason]
