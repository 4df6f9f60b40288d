import type { BindType } from './bind-request.ts'
import { commands, GENERIC_NACK, responseTo, type Command } from './constants.ts'

/** The two ends of a relay: whose socket it is. */
export type Side = 'client' | 'upstream'

/** What is done with a frame, by who sent it and what it is. */
export const rules = {
  /** No command that we know: generic_nack with RINVCMDID, or nothing if it is a response. */
  unknown: 0,
  /** Goes on, and an answer is due. */
  request: 1,
  /** Goes on, unless it answers something that we asked. */
  response: 2,
  /** Goes on; no answer is due. */
  notice: 3,
  /** Goes on, and a budget per user may say no. */
  message: 4,
  /** A request and a response that go on, but are no sign of work. */
  enquiry: 5,
  enquiryResponse: 6,
  unbind: 7,
  unbindResponse: 8,
  /** Not from this side or not in this state: its response with RINVBNDSTS. */
  misplaced: 9,
  /** A bind on a bound session: RALYBND, and the session stays. */
  secondBind: 10,
  /** A response that nothing can have asked for, or one that belongs to the bind: not passed on. */
  stray: 11,
  /** A request while the session ends: answered by us with an error that invites to try later. */
  late: 12,
  lateEnquiry: 13,
  lateUnbind: 14,
} as const

export type Rule = (typeof rules)[keyof typeof rules]

/** In which bound states a request may come, by its sender (SMPP 3.4 §2.3; 5.0 §2.4). */
type Senders = Partial<Record<Side, readonly BindType[]>>

const any: readonly BindType[] = ['transmitter', 'receiver', 'transceiver']
const sending: readonly BindType[] = ['transmitter', 'transceiver']
const receiving: readonly BindType[] = ['receiver', 'transceiver']

const senders: Readonly<Record<Command, Senders>> = {
  bind_receiver: {},
  bind_transmitter: {},
  bind_transceiver: {},
  outbind: {},
  query_sm: { client: sending },
  submit_sm: { client: sending },
  submit_multi: { client: sending },
  replace_sm: { client: sending },
  cancel_sm: { client: sending },
  broadcast_sm: { client: sending },
  query_broadcast_sm: { client: sending },
  cancel_broadcast_sm: { client: sending },
  deliver_sm: { upstream: receiving },
  alert_notification: { upstream: receiving },
  data_sm: { client: any, upstream: any },
  enquire_link: { client: any, upstream: any },
  unbind: { client: any, upstream: any },
}

const isBind = (command: Command): boolean =>
  command === 'bind_receiver' || command === 'bind_transmitter' || command === 'bind_transceiver'

const ruleOfRequest = (command: Command, side: Side, type: BindType): Rule => {
  if (isBind(command) && side === 'client') return rules.secondBind
  if (senders[command][side]?.includes(type) !== true) return rules.misplaced
  if (command === 'enquire_link') return rules.enquiry
  if (command === 'unbind') return rules.unbind
  if (command === 'alert_notification') return rules.notice
  const carriesMessage =
    command === 'submit_sm' || command === 'submit_multi' || command === 'data_sm'
  return carriesMessage && side === 'client' ? rules.message : rules.request
}

const otherSide = (side: Side): Side => (side === 'client' ? 'upstream' : 'client')

/** A response may come from whoever may be sent the request. */
const ruleOfResponse = (command: Command, side: Side, type: BindType): Rule => {
  if (senders[command][otherSide(side)]?.includes(type) !== true) return rules.stray
  if (command === 'enquire_link') return rules.enquiryResponse
  return command === 'unbind' ? rules.unbindResponse : rules.response
}

/** While a session ends, responses still flow, and nothing new is taken on. */
const whileEnding = (rule: Rule): Rule => {
  if (rule === rules.enquiry) return rules.lateEnquiry
  if (rule === rules.unbind) return rules.lateUnbind
  return rule === rules.request || rule === rules.message ? rules.late : rule
}

/** Known command_ids are below this, without bit 31, which moves to the bit above. */
const IDS = 0x200

/** The rule of every command_id for one side in one state. */
export type RuleTable = Uint8Array

const compile = (side: Side, type: BindType, change: (rule: Rule) => Rule): RuleTable => {
  const table = new Uint8Array(2 * IDS)
  for (const command of Object.keys(commands) as Command[]) {
    const id = commands[command]
    table[id] = change(ruleOfRequest(command, side, type))
    if (responseTo(id) !== GENERIC_NACK) table[IDS + id] = ruleOfResponse(command, side, type)
  }
  table[IDS] = rules.response
  return table
}

type Tables = Readonly<Record<Side, Readonly<Record<BindType, RuleTable>>>>

const compileAll = (change: (rule: Rule) => Rule): Tables => {
  const compileSide = (side: Side) => ({
    transmitter: compile(side, 'transmitter', change),
    receiver: compile(side, 'receiver', change),
    transceiver: compile(side, 'transceiver', change),
  })
  return { client: compileSide('client'), upstream: compileSide('upstream') }
}

const bound = compileAll((rule) => rule)
const ending = compileAll(whileEnding)

/** What may come from a side once it is bound. */
export const boundRules = (side: Side, type: BindType): RuleTable => bound[side][type]

/** The same while the session is being ended. */
export const endingRules = (side: Side, type: BindType): RuleTable => ending[side][type]

/** command_ids that §5.1.2.1 leaves to SMSC vendors: theirs to understand, so they go on. */
const isVendors = (id: number): boolean => id >= 0x0001_0200 && id <= 0x0001_02ff

/** Whether a command_id is that of a request that we know, or a vendor's. */
export const isCommand = (commandId: number): boolean =>
  isVendors(commandId) || Object.values<number>(commands).includes(commandId)

/** The rule of a command_id, given as a signed 32-bit number. */
export const ruleOf = (table: RuleTable, commandId: number): number => {
  const id = commandId & 0x7fffffff
  if (id < IDS) return table[commandId < 0 ? IDS + id : id] ?? rules.unknown
  if (!isVendors(id)) return rules.unknown
  if (commandId < 0) return rules.response
  return table[commands.unbind] === rules.unbind ? rules.request : rules.late
}
