import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findUserByName } from '../../db/user-rows.ts'
import { commands, headerOnly, responseTo, statuses } from '../../gateway/smpp/constants.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { bind, refusalsOf, until } from '../support/smpp-pair.ts'
import { connectEsme } from '../support/smsc.ts'

let sandbox: TestGateway

beforeAll(async () => {
  sandbox = await startGateway()
})
afterAll(() => sandbox.stop())

const alice = { system_id: 'alice', password: 'sandbox-alice-1' }
const message = {
  source_addr: 'sallyport',
  destination_addr: '41793026727',
  short_message: 'Hello',
  registered_delivery: 1,
}

describe('a stock client in the sandbox', () => {
  test('binds as alice, gets its message id and its receipt, and unbinds', async () => {
    const esme = connectEsme(sandbox.smppPort)
    const answer = await esme.ask('bind_transceiver', alice)
    expect(answer).toMatchObject({ command_status: 0, system_id: 'sandbox' })
    expect(answer.sc_interface_version).toBe(0x34)
    const submitted = await esme.ask('submit_sm', message)
    expect(submitted.command_status).toBe(0)
    const { message_id } = submitted
    expect(message_id).toMatch(/^\d{10}$/)
    const receipt = await esme.next('deliver_sm')
    expect(receipt).toMatchObject({ receipted_message_id: message_id, message_state: 2 })
    expect((await esme.ask('enquire_link')).command_status).toBe(0)
    expect((await esme.ask('unbind')).command_status).toBe(0)
    await esme.closed
  })

  test('binds as transmitter and as receiver, and the receipt comes to the receiver', async () => {
    const [sender, receiver] = [connectEsme(sandbox.smppPort), connectEsme(sandbox.smppPort)]
    expect((await sender.ask('bind_transmitter', alice)).command_status).toBe(0)
    expect((await receiver.ask('bind_receiver', alice)).command_status).toBe(0)
    const { message_id } = await sender.ask('submit_sm', message)
    expect((await receiver.next('deliver_sm')).receipted_message_id).toBe(message_id)
    expect(sender.asked()).toHaveLength(0)
    const misplaced = await receiver.ask('submit_sm', message)
    expect(misplaced.command_status).toBe(statuses.ESME_RINVBNDSTS)
    for (const esme of [sender, receiver]) {
      await esme.ask('unbind')
      await esme.closed
    }
  })

  test('is remembered by where it was bound from', async () => {
    const { database } = sandbox.core
    await until(async () => (await findUserByName(database, 'alice'))?.lastSignInAt !== null)
    expect(await findUserByName(database, 'alice')).toMatchObject({
      lastSignInSource: '127.0.0.1',
      lastSignInChannel: 'smpp',
    })
  })
})

const strangers = [
  ['bob', 'sandbox-bob-01', 'source-not-safelisted'],
  ['carol', 'sandbox-carol-1', 'basic-not-allowed'],
  ['dave', 'sandbox-dave-01', 'user-disabled'],
  ['alice', 'wrong-password', 'secret-wrong'],
  ['nobody', 'sandbox-alice-1', 'user-unknown'],
  ['admin', 'sandbox-admin-1', 'basic-not-allowed'],
  ['alice', 'sandbox-alice-1\x01', 'credential-malformed'],
] as const

describe('who may not bind gets the same 16 octets, no sooner than the floor, and a close', () => {
  test.each(strangers)('%s with %s: %s', async (username, password, reason) => {
    const sequence = 0x1234_5678
    const began = performance.now()
    const { peer, octets } = await bind(sandbox.smppPort, { username, password, sequence })
    expect(performance.now() - began).toBeGreaterThanOrEqual(100)
    expect(octets).toEqual(headerOnly(0x80000009, statuses.ESME_RBINDFAIL, sequence))
    await peer.ended
    expect(peer.untaken()).toHaveLength(0)
    expect((await refusalsOf(sandbox)).at(-1)).toBe(reason)
  })

  test.each(['bind_transmitter', 'bind_receiver'] as const)('as %s too', async (command) => {
    const { octets, peer } = await bind(sandbox.smppPort, { password: 'wrong', command })
    const response = responseTo(commands[command])
    expect(octets).toEqual(headerOnly(response, statuses.ESME_RBINDFAIL, 1))
    await peer.ended
  })

  test('what a stock client is told is a status, and no more', async () => {
    const esme = connectEsme(sandbox.smppPort)
    const answer = await esme.ask('bind_transceiver', { ...alice, password: 'wrong-password' })
    expect(answer.command_status).toBe(statuses.ESME_RBINDFAIL)
    expect(answer.system_id).toBeUndefined()
    await esme.closed
  })
})

test('the metrics tell of binds by state and of PDUs by direction', async () => {
  const gateway = await startGateway({
    users: [{ username: 'erin', password: 'erin-secret-01' }],
  })
  const read = async (name: string): Promise<number> => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    const line = text.split('\n').find((each) => each.startsWith(name))
    return Number(line?.slice(name.length))
  }
  const waiting = connectEsme(gateway.smppPort)
  const esme = connectEsme(gateway.smppPort)
  await esme.ask('bind_transceiver', { system_id: 'erin', password: 'erin-secret-01' })
  await esme.ask('submit_sm', message)
  await esme.next('deliver_sm')
  await esme.ask('enquire_link')
  expect(await read('sallyport_binds{state="bound"}')).toBe(1)
  expect(await read('sallyport_binds{state="unbound"}')).toBe(1)
  expect(await read('sallyport_pdus_total{direction="to_upstream"}')).toBe(3)
  expect(await read('sallyport_pdus_total{direction="to_client"}')).toBe(3)
  expect(await read('sallyport_decisions_total{channel="smpp",effect="permit",reason=""}')).toBe(1)
  waiting.session.destroy()
  await esme.ask('unbind')
  await until(async () => (await read('sallyport_binds{state="bound"}')) === 0)
  await until(async () => (await read('sallyport_binds{state="unbound"}')) === 0)
  await gateway.stop()
})
