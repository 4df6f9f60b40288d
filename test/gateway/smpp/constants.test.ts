import smpp from 'smpp'
import { describe, expect, it } from 'vitest'
import {
  commands,
  GENERIC_NACK,
  headerOnly,
  isResponse,
  responseTo,
  statuses,
  type Command,
} from '../../../gateway/smpp/constants.ts'

const names = Object.keys(commands) as Command[]

describe('the constants of SMPP', () => {
  it('are every request that the smpp package knows, under its name', () => {
    const theirs = Object.entries(smpp.commands).filter(([, { id }]) => !isResponse(id))
    expect(new Map(Object.entries(commands))).toEqual(
      new Map(theirs.map(([name, { id }]) => [name, id])),
    )
  })

  it('name the statuses as the smpp package does', () => {
    for (const [name, status] of Object.entries(statuses)) expect(smpp.errors[name]).toBe(status)
  })

  it.each(names)('answer %s with the response that exists for it', (name) => {
    expect(responseTo(commands[name])).toBe(smpp.commands[`${name}_resp`]?.id ?? GENERIC_NACK)
  })

  it('make the header that the smpp package makes', () => {
    const theirs = new smpp.PDU('enquire_link_resp', { sequence_number: 0x7fffffff })
    expect(headerOnly(0x80000015, 0, 0x7fffffff)).toEqual(theirs.toBuffer())
  })
})
