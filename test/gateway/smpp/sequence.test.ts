import { describe, expect, it } from 'vitest'
import { commands, GENERIC_NACK, responseTo } from '../../../gateway/smpp/constants.ts'
import { createOwnRequests, FIRST_OWN } from '../../../gateway/smpp/sequence.ts'
import { createUnanswered } from '../../../gateway/smpp/unanswered.ts'

const { enquire_link: enquire, submit_sm: submit, unbind } = commands

const make = () => {
  const relayed = createUnanswered()
  return { relayed, own: createOwnRequests(relayed) }
}

describe('our own sequence numbers (J8)', () => {
  it('are of the top of the range and differ', () => {
    const { own } = make()
    const taken = Array.from({ length: 256 }, () => own.take(enquire))
    expect(new Set(taken).size).toBe(256)
    expect(Math.min(...taken.map(Number))).toBe(FIRST_OWN)
    expect(Math.max(...taken.map(Number))).toBe(0x7fffffff)
    expect(own.take(enquire)).toBeUndefined()
  })

  it('are free again once answered', () => {
    const { own } = make()
    const taken = Array.from({ length: 256 }, () => Number(own.take(enquire)))
    for (const sequence of taken) own.settle(responseTo(enquire), sequence)
    expect(own.take(enquire)).toBeDefined()
  })

  it('are none that a request in flight uses', () => {
    const { relayed, own } = make()
    for (let sequence = FIRST_OWN; sequence < FIRST_OWN + 10; sequence++)
      relayed.add(sequence, submit)
    expect(own.take(enquire)).toBe(FIRST_OWN + 10)
  })
})

describe('a response with a number of ours (J8)', () => {
  it('is ours if it answers our command, once', () => {
    const { own } = make()
    const sequence = Number(own.take(unbind))
    expect(own.settle(responseTo(unbind), sequence)).toBe(unbind)
    expect(own.settle(responseTo(unbind), sequence)).toBeUndefined()
  })

  it('is ours if it is a nack that nobody else can have earned', () => {
    const { own } = make()
    expect(own.settle(GENERIC_NACK, Number(own.take(enquire)))).toBe(enquire)
  })

  it('is the client’s if it answers another command', () => {
    const { own } = make()
    expect(own.settle(responseTo(submit), Number(own.take(enquire)))).toBeUndefined()
  })

  it('is the client’s if it is a nack and the client used the number after us', () => {
    const { relayed, own } = make()
    const sequence = Number(own.take(enquire))
    relayed.add(sequence, submit)
    expect(own.settle(GENERIC_NACK, sequence)).toBeUndefined()
    expect(own.settle(responseTo(enquire), sequence)).toBe(enquire)
  })

  it('is the client’s if we asked nothing', () => {
    expect(make().own.settle(responseTo(enquire), FIRST_OWN)).toBeUndefined()
  })
})
