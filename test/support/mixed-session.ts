import { commands, responseTo, statuses } from '../../gateway/smpp/constants.ts'
import { pdu } from './pdu.ts'

/** One PDU of a session, and who sends it. */
export type Turn = { readonly from: 'esme' | 'smsc'; readonly octets: Buffer }

const text = (octets: string): Buffer => Buffer.from(octets, 'latin1')
const tlv = (tag: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(tag, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value])
}

/** The body of a submit_sm or deliver_sm (SMPP 3.4 §4.4.1). */
export const messageBody = (
  message: Buffer,
  { esmClass = 0, dataCoding = 0, tlvs = [] as readonly Buffer[], receipt = 0 } = {},
): Buffer =>
  Buffer.concat([
    text('\0\x05\0sallyport\0\x01\x0141793026727\0'),
    Buffer.from([esmClass, 0, 0, 0, 0, receipt, 0, dataCoding, 0, message.length]),
    message,
    ...tlvs,
  ])

const dataBody = (tlvs: readonly Buffer[]): Buffer =>
  Buffer.concat([text('\0\x05\0sallyport\0\x01\x0141793026727\0\0\0\x08'), ...tlvs])

const payload = (octets: number): Buffer => tlv(0x0424, Buffer.alloc(octets, 0xa5))
const vendor = tlv(0x1400, Buffer.from([0xde, 0xad, 0xbe, 0xef]))
const unknown = tlv(0x3fff, text('unheard of'))
const udh = Buffer.concat([Buffer.from([5, 0, 3, 0x42, 2, 1]), text('first half')])
const ucs2 = Buffer.from('Grüße, 你好', 'utf16le').swap16()

const { submit_sm, deliver_sm, data_sm, query_sm, cancel_sm, replace_sm, submit_multi } = commands
const { enquire_link, alert_notification } = commands

/** What an ESME asks: command and body. */
const asked: readonly (readonly [number, Buffer])[] = [
  [submit_sm, messageBody(text('Hello'), { receipt: 1 })],
  [submit_sm, messageBody(udh, { esmClass: 0x40 })],
  [submit_sm, messageBody(ucs2, { dataCoding: 8 })],
  [submit_sm, messageBody(Buffer.from([0, 0xff, 0x80, 0x1b]), { dataCoding: 4 })],
  [submit_sm, messageBody(text('with TLVs'), { tlvs: [vendor, unknown] })],
  [submit_sm, messageBody(text(''), { tlvs: [payload(65_535)] })],
  [data_sm, dataBody([payload(1_000), vendor])],
  [query_sm, text('0000000001\0\x05\0sallyport\0')],
  [cancel_sm, text('\x000000000001\0\x05\0sallyport\0\x01\x0141793026727\0')],
  [replace_sm, text('0000000001\0\x05\0sallyport\0\0\0\0\0\x05later')],
  [
    submit_multi,
    Buffer.concat([
      text('\0\x05\0sallyport\0\x02\x01\x01\x0141793026727\0\x02friends\0'),
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
      text('Hi'),
    ]),
  ],
  [enquire_link, Buffer.alloc(0)],
]

/** Bodies of the answers to these. */
const answers: Readonly<Record<number, Buffer>> = {
  [submit_sm]: text('0000000001\0'),
  [data_sm]: Buffer.concat([text('0000000002\0'), tlv(0x001d, text('no reason\0'))]),
  [query_sm]: text('0000000001\0\0\x02\0'),
  [submit_multi]: text('0000000003\0\x01\x01\x0141793026727\0\0\0\0\x0b'),
}

/** What an SMSC asks or says. */
const delivered: readonly (readonly [number, Buffer])[] = [
  [deliver_sm, messageBody(text('id:0000000001 stat:DELIVRD'), { esmClass: 4 })],
  [deliver_sm, messageBody(udh, { esmClass: 0x40, tlvs: [vendor] })],
  [data_sm, dataBody([payload(200)])],
  [enquire_link, Buffer.alloc(0)],
]

/** A session after its bind, with every kind of PDU, up to the answer to the unbind. */
export const mixedSession = (): readonly Turn[] => {
  const turns: Turn[] = []
  const say = (from: Turn['from'], octets: Buffer): void => {
    turns.push({ from, octets })
  }
  for (const [at, [command, body]] of asked.entries()) {
    say('esme', pdu(command, 2 + at, body))
    say('smsc', pdu(responseTo(command), 2 + at, answers[command] ?? ''))
  }
  // An error with a body, as some SMSCs send it, and one without.
  for (const [at, body] of ['\0', ''].entries()) {
    say('esme', pdu(submit_sm, 0x7fff_fff0 + at, messageBody(text('refused'))))
    say('smsc', pdu(0x80000004, 0x7fff_fff0 + at, body, { status: statuses.ESME_RTHROTTLED }))
  }
  for (const [at, [command, body]] of delivered.entries()) {
    say('smsc', pdu(command, 1 + at, body))
    const id = command === enquire_link ? '' : '\0'
    say('esme', pdu(responseTo(command), 1 + at, id, { status: at === 1 ? 0x65 : 0 }))
  }
  say('smsc', pdu(alert_notification, 9, text('\x01\x0141793026727\0\x05\0sallyport\0')))
  say('esme', pdu(commands.unbind, 0x7fff_ffff))
  say('smsc', pdu(0x80000006, 0x7fff_ffff))
  return turns
}
