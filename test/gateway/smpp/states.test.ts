import { describe, expect, it } from 'vitest'
import type { BindType } from '../../../gateway/smpp/bind-request.ts'
import {
  commands,
  GENERIC_NACK,
  responseTo,
  type Command,
} from '../../../gateway/smpp/constants.ts'
import {
  boundRules,
  endingRules,
  ruleOf,
  rules,
  type Rule,
  type RuleTable,
  type Side,
} from '../../../gateway/smpp/states.ts'

const types: readonly BindType[] = ['transmitter', 'receiver', 'transceiver']
const nameOf = new Map<number, string>(Object.entries(rules).map(([name, rule]) => [rule, name]))
const named = (table: RuleTable, id: number): string => nameOf.get(ruleOf(table, id | 0)) ?? ''

/** For each request, where it may come from: c is the client, u the upstream, in TX, RX, TRX. */
const matrix: Readonly<Record<Command, readonly [string, string, string]>> = {
  bind_transmitter: ['', '', ''],
  bind_receiver: ['', '', ''],
  bind_transceiver: ['', '', ''],
  outbind: ['', '', ''],
  unbind: ['cu', 'cu', 'cu'],
  enquire_link: ['cu', 'cu', 'cu'],
  submit_sm: ['c', '', 'c'],
  submit_multi: ['c', '', 'c'],
  data_sm: ['cu', 'cu', 'cu'],
  deliver_sm: ['', 'u', 'u'],
  alert_notification: ['', 'u', 'u'],
  query_sm: ['c', '', 'c'],
  cancel_sm: ['c', '', 'c'],
  replace_sm: ['c', '', 'c'],
  broadcast_sm: ['c', '', 'c'],
  query_broadcast_sm: ['c', '', 'c'],
  cancel_broadcast_sm: ['c', '', 'c'],
}
const goOn = new Set(['request', 'message', 'notice', 'enquiry', 'unbind'])
const responsesGoOn = new Set(['response', 'enquiryResponse', 'unbindResponse'])

const rows = (Object.keys(matrix) as Command[]).flatMap((command) =>
  types.flatMap((type, at) =>
    (['client', 'upstream'] as const).map((side): [Command, Side, BindType, boolean, boolean] => [
      command,
      side,
      type,
      matrix[command][at]?.includes(side.charAt(0)) === true,
      matrix[command][at]?.includes(side === 'client' ? 'u' : 'c') === true,
    ]),
  ),
)

describe('a frame in a bound state (SMPP 3.4 §2.3, J4)', () => {
  it.each(rows)('%s from the %s of a bound %s: goes on %s, its response %s', (...row) => {
    const [command, side, type, may, mayAnswer] = row
    const table = boundRules(side, type)
    expect(goOn.has(named(table, commands[command]))).toBe(may)
    const response = responseTo(commands[command])
    if (response !== GENERIC_NACK) expect(responsesGoOn.has(named(table, response))).toBe(mayAnswer)
  })

  it.each(types)('that binds again from the client of a bound %s is a second bind', (type) => {
    for (const name of ['bind_transmitter', 'bind_receiver', 'bind_transceiver'] as const) {
      expect(named(boundRules('client', type), commands[name])).toBe('secondBind')
      expect(named(boundRules('upstream', type), commands[name])).toBe('misplaced')
      expect(named(boundRules('upstream', type), responseTo(commands[name]))).toBe('stray')
    }
  })

  it.each([
    [0x00000000, 'unknown'],
    [0x0000000a, 'unknown'],
    [0x8000000b, 'unknown'],
    [0x80000102, 'unknown'],
    [0x000001ff, 'unknown'],
    [0x00000204, 'unknown'],
    [0x00010004, 'unknown'],
    [0x000101ff, 'unknown'],
    [0x00010200, 'request'],
    [0x000102ff, 'request'],
    [0x800102ff, 'response'],
    [0x00010300, 'unknown'],
    [0x7fffffff, 'unknown'],
    [0xffffffff, 'unknown'],
    [GENERIC_NACK, 'response'],
  ] as const)('of command_id 0x%x is %s', (id, name) => {
    for (const type of types)
      for (const side of ['client', 'upstream'] as const)
        expect(named(boundRules(side, type), id)).toBe(name)
  })
})

describe('a frame while the session ends', () => {
  it.each(rows)('%s from the %s of a bound %s does not go on', (command, side, type, may) => {
    const name = named(endingRules(side, type), commands[command])
    const late: Partial<Record<Command, keyof typeof rules>> = {
      enquire_link: 'lateEnquiry',
      unbind: 'lateUnbind',
      alert_notification: 'notice',
    }
    if (may) expect(name).toBe(late[command] ?? 'late')
    else expect(goOn.has(name)).toBe(false)
  })

  it('goes on if it is a response', () => {
    const rule: Rule = rules.response
    expect(ruleOf(endingRules('client', 'transceiver'), 0x80000005 | 0)).toBe(rule)
    expect(ruleOf(endingRules('upstream', 'transmitter'), 0x80000004 | 0)).toBe(rule)
    expect(ruleOf(endingRules('upstream', 'transmitter'), 0x80010201 | 0)).toBe(rule)
    expect(ruleOf(endingRules('client', 'transceiver'), 0x00010201)).toBe(rules.late)
  })
})
