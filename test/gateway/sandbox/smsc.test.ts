import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeReceipt } from '../../../gateway/sandbox/receipt.ts'
import { statuses } from '../../../gateway/smpp/constants.ts'
import { connectEsme, startSmsc, type Smsc } from '../../support/smsc.ts'

const credentials = { system_id: 'alice', password: 'sandbox-alice-1' }
const message = {
  source_addr: 'sallyport',
  destination_addr: '385911234567',
  short_message: 'Hello, this is longer than twenty characters',
  registered_delivery: 1,
}

describe('the sample SMSC', () => {
  let smsc: Smsc
  beforeEach(async () => {
    smsc = await startSmsc()
  })
  afterEach(() => {
    smsc.close()
  })

  it('binds, takes a message and sends its receipt on the same bind', async () => {
    const esme = connectEsme(smsc.port)
    const answer = await esme.ask('bind_transceiver', credentials)
    expect(answer).toMatchObject({ command_status: 0, system_id: 'sandbox' })
    expect(answer.sc_interface_version).toBe(0x34)
    const submitted = await esme.ask('submit_sm', message)
    expect(submitted).toMatchObject({ command_status: 0, message_id: '0000000001' })
    const receipt = await esme.next('deliver_sm')
    expect(receipt).toMatchObject({
      esm_class: 4,
      source_addr: '385911234567',
      destination_addr: 'sallyport',
      receipted_message_id: '0000000001',
      message_state: 2,
    })
    expect(receipt.short_message).toHaveProperty(
      'message',
      expect.stringMatching(
        /^id:0000000001 sub:001 dlvrd:001 submit date:\d{10} done date:\d{10} stat:DELIVRD err:000 text:Hello, this is longe$/,
      ),
    )
    esme.session.destroy()
  })

  it('sends the receipt to a receiver of the same name', async () => {
    const [sender, receiver] = [connectEsme(smsc.port), connectEsme(smsc.port)]
    await sender.ask('bind_transmitter', credentials)
    await receiver.ask('bind_receiver', credentials)
    const { message_id } = await sender.ask('submit_sm', message)
    const receipt = await receiver.next('deliver_sm')
    expect(receipt.receipted_message_id).toBe(message_id)
    expect(sender.asked()).toHaveLength(0)
    for (const { session } of [sender, receiver]) session.destroy()
  })

  it('sends none that was not wished for', async () => {
    const esme = connectEsme(smsc.port)
    await esme.ask('bind_transceiver', credentials)
    await esme.ask('submit_sm', { ...message, registered_delivery: 0 })
    await esme.ask('submit_sm', { ...message, registered_delivery: 1 })
    await esme.next('deliver_sm')
    expect(esme.asked()).toHaveLength(1)
    esme.session.destroy()
  })

  it('answers enquire_link, and unbind with a close', async () => {
    const esme = connectEsme(smsc.port)
    await esme.ask('bind_transceiver', credentials)
    expect(await esme.ask('enquire_link')).toMatchObject({ command_status: 0 })
    expect(await esme.ask('unbind')).toMatchObject({ command_status: 0 })
    await esme.closed
  })

  it('takes nothing before a bind', async () => {
    const esme = connectEsme(smsc.port)
    const { command_status } = await esme.ask('submit_sm', message)
    expect(command_status).toBe(statuses.ESME_RINVBNDSTS)
    esme.session.destroy()
  })
})

describe('a receipt', () => {
  it('is written as appendix B has it, in UTC', () => {
    const at = Date.UTC(2026, 10, 24, 9, 5, 59)
    expect(
      writeReceipt({ messageId: '0000000042', submittedAt: at, doneAt: at + 60_000, text: 'Hi' }),
    ).toBe(
      'id:0000000042 sub:001 dlvrd:001 submit date:2611240905 done date:2611240906 stat:DELIVRD err:000 text:Hi',
    )
  })
})
