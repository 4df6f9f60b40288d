/** How long a peer may take, in ms; Infinity: as long as it likes (SMPP 3.4 §7.2). */
export type Timers = {
  /** From accept to a whole bind request, TLS and PROXY included: session_init. */
  readonly initMs: number
  /** From the first octet of a PDU to its last. */
  readonly pduMs: number
  /** Octets lie ready to be sent and none of them goes. */
  readonly stallMs: number
  /** Nothing was heard for so long: we ask whether the peer is still there. */
  readonly enquireLinkMs: number
  /** From a request of ours to any sign of life. */
  readonly responseMs: number
  /** Nothing but enquire_link was heard for so long. */
  readonly inactivityMs: number
}

/** What one peer last did, each in ms of `System.elapsed`; undefined: not going on. */
export type Times = {
  readonly openedAt: number
  /** Undefined until there is a bind. */
  readonly boundAt: number | undefined
  readonly heardAt: number
  /** When it last sent something other than an enquire_link or its response. */
  readonly workedAt: number
  readonly partialSince: number | undefined
  /** Since when the octets that wait for it have not moved. */
  readonly pendingSince: number | undefined
  /** When we last sent an enquire_link of our own. */
  readonly enquiredAt: number | undefined
}

export type Overdue =
  | 'session-init-timeout'
  | 'pdu-timeout'
  | 'write-stall'
  | 'response-timeout'
  | 'inactivity-timeout'
  /** Not a fault: it is time to send an enquire_link. */
  | 'enquire-link'

const isOver = (since: number | undefined, ms: number, now: number): boolean =>
  since !== undefined && now - since >= ms

/** The gravest thing that is due on one leg; undefined if all is well. */
export const findOverdue = (times: Times, timers: Timers, now: number): Overdue | undefined => {
  const { heardAt, enquiredAt } = times
  if (isOver(times.pendingSince, timers.stallMs, now)) return 'write-stall'
  if (times.boundAt === undefined)
    return isOver(times.openedAt, timers.initMs, now) ? 'session-init-timeout' : undefined
  if (isOver(times.partialSince, timers.pduMs, now)) return 'pdu-timeout'
  const isAsked = enquiredAt !== undefined && enquiredAt >= heardAt
  if (isAsked && isOver(enquiredAt, timers.responseMs, now)) return 'response-timeout'
  if (isOver(times.workedAt, timers.inactivityMs, now)) return 'inactivity-timeout'
  return !isAsked && isOver(heardAt, timers.enquireLinkMs, now) ? 'enquire-link' : undefined
}
