import fc from 'fast-check'
import smpp from 'smpp'
import { describe, expect, it } from 'vitest'
import {
  mapBindRequest,
  readBindRequest,
  type BindFault,
  type BindRequest,
} from '../../../gateway/smpp/bind-request.ts'
import { commands } from '../../../gateway/smpp/constants.ts'
import { bindBody, pdu, type BindBody } from '../../support/pdu.ts'

const bind = (body: BindBody = {}, commandId: number = commands.bind_transceiver): Buffer =>
  pdu(commandId, 7, bindBody(body))

const read = (bytes: Buffer): BindRequest => {
  const request = readBindRequest(bytes)
  if ('fault' in request) throw new Error(request.fault)
  return request
}

const longest = 'x'.repeat(64)

describe('a bind request', () => {
  it.each([
    ['bind_transmitter', 'transmitter'],
    ['bind_receiver', 'receiver'],
    ['bind_transceiver', 'transceiver'],
  ] as const)('%s is read as one of a %s', (command, type) => {
    const bytes = bind({}, commands[command])
    expect(read(bytes)).toEqual({
      type,
      commandId: commands[command],
      sequence: 7,
      systemId: 'alice',
      password: Buffer.from('secret08'),
      pdu: bytes,
    })
  })

  it.each<[string, BindBody, string, string]>([
    ['names of 64 octets', { systemId: `${longest}\0` }, longest, 'secret08'],
    ['passwords of 64 octets', { password: `${longest}\0` }, 'alice', longest],
    ['a password with spaces', { password: 'a b ~\0' }, 'alice', 'a b ~'],
    ['empty credentials', { systemId: '\0', password: '\0' }, '', ''],
    ['__proto__ as any other name', { systemId: '__proto__\0' }, '__proto__', 'secret08'],
    ['names with an address range', { addressRange: `${'9'.repeat(40)}\0` }, 'alice', 'secret08'],
    ['names with a system type', { systemType: 'twelve-chars\0' }, 'alice', 'secret08'],
    ['optional parameters', { tlvs: '\x14\0\0\x02ab\x14\x01\0\0' }, 'alice', 'secret08'],
    ['any interface version', { numbers: '\x50\xff\xff' }, 'alice', 'secret08'],
  ])('is read with %s', (_what, body, systemId, password) => {
    const request = read(bind(body))
    expect(request.systemId).toBe(systemId)
    expect(request.password.toString('latin1')).toBe(password)
  })
})

const faults: readonly [string, Buffer, BindFault][] = [
  ['no body', pdu(9, 7), { fault: 'unterminated', field: 'system_id' }],
  ['an open system_id', pdu(9, 7, 'alice'), { fault: 'unterminated', field: 'system_id' }],
  ['an open password', pdu(9, 7, 'a\0secret'), { fault: 'unterminated', field: 'password' }],
  [
    'a name of 65 octets',
    bind({ systemId: `x${longest}\0` }),
    { fault: 'too-long', field: 'system_id' },
  ],
  [
    'a password of 65 octets',
    bind({ password: `x${longest}\0` }),
    { fault: 'too-long', field: 'password' },
  ],
  ...['al\x80ce', 'alic\xe5', 'al\nice', '\x7falice', 'ali\tce', '\x1balice'].flatMap(
    (text): [string, Buffer, BindFault][] => [
      [
        `the name ${JSON.stringify(text)}`,
        bind({ systemId: `${text}\0` }),
        { fault: 'not-printable', field: 'system_id' },
      ],
      [
        `the password ${JSON.stringify(text)}`,
        bind({ password: `${text}\0` }),
        { fault: 'not-printable', field: 'password' },
      ],
    ],
  ),
  [
    'a system_type of 13 octets',
    bind({ systemType: `${'x'.repeat(13)}\0` }),
    { fault: 'too-long', field: 'system_type' },
  ],
  [
    'an address_range of 41 octets',
    bind({ addressRange: `${'9'.repeat(41)}\0` }),
    { fault: 'too-long', field: 'address_range' },
  ],
  ['nothing after system_type', bind({ numbers: '', addressRange: '' }), { fault: 'truncated' }],
  [
    'an end within the numbers',
    bind({ numbers: '\x34', addressRange: '' }),
    { fault: 'truncated' },
  ],
  ['no address_range', bind({ addressRange: '' }), { fault: 'truncated' }],
  [
    'an open address_range',
    bind({ addressRange: '99' }),
    { fault: 'unterminated', field: 'address_range' },
  ],
  ['an octet too many', bind({ tlvs: 'x' }), { fault: 'trailing-octets' }],
  ['a TLV longer than the PDU', bind({ tlvs: '\x14\0\0\x03ab' }), { fault: 'trailing-octets' }],
]

describe('a bind request that is refused (J2)', () => {
  it.each(faults)('has %s', (_what, bytes, fault) => {
    expect(readBindRequest(bytes)).toEqual(fault)
  })

  it('never throws, and never reads a name other than the octets that are sent on', () => {
    const octets = fc.uint8Array({ maxLength: 90 }).map((body) => Buffer.from(body))
    const nearly = fc
      .tuple(fc.string({ maxLength: 70 }), fc.string({ maxLength: 70 }), octets)
      .map(([name, password, rest]) =>
        Buffer.concat([Buffer.from(`${name}\0${password}\0\0\x34\0\0\0`), rest.subarray(0, 6)]),
      )
    fc.assert(
      fc.property(fc.oneof(octets, nearly), (body) => {
        const request = readBindRequest(pdu(9, 1, body))
        if ('fault' in request) return
        const [name, password] = body.toString('latin1').split('\0')
        expect(request.systemId).toBe(name)
        expect(request.password.toString('latin1')).toBe(password)
        expect(request.systemId).toMatch(/^[ -~]{0,64}$/)
        expect(request.pdu.subarray(16).equals(body)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a mapped bind request', () => {
  it('changes the credentials, the length, and nothing else', () => {
    const body = { systemType: 'VMA\0', numbers: '\x50\x01\x02', addressRange: '^99\0' }
    const sent = bind({ ...body, tlvs: '\x14\0\0\x02ab' })
    const mapped = mapBindRequest(read(sent), { systemId: 'platform', password: 'p' })
    expect(mapped).toEqual(
      bind({ ...body, tlvs: '\x14\0\0\x02ab', systemId: 'platform\0', password: 'p\0' }),
    )
  })

  it('is read by others as it was meant', () => {
    const mapped = mapBindRequest(read(bind()), { systemId: 'platform', password: 'upstream' })
    expect(smpp.PDU.fromBuffer(mapped)).toMatchObject({
      command: 'bind_transceiver',
      command_length: mapped.length,
      sequence_number: 7,
      system_id: 'platform',
      password: 'upstream',
      interface_version: 0x34,
    })
  })
})
