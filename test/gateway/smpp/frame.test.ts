import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PDU_OCTETS } from '../../../gateway/smpp/constants.ts'
import { createFramer, readFirstFrame, type FrameFault } from '../../../gateway/smpp/frame.ts'
import { pdu } from '../../support/pdu.ts'

type Seen = { headers: number[][]; runs: Buffer[]; counts: number[]; fault: FrameFault | undefined }

/** What a framer makes of chunks; frames with an odd number are kept out of the runs. */
const frame = (chunks: readonly Buffer[], limit = PDU_OCTETS): Seen => {
  const seen: Seen = { headers: [], runs: [], counts: [], fault: undefined }
  const framer = createFramer(limit, {
    passes: (...header) => {
      seen.headers.push(header)
      return (header[2] & 1) === 0
    },
    run: (bytes, frames) => {
      seen.runs.push(bytes)
      seen.counts.push(frames)
    },
  })
  for (const chunk of chunks) seen.fault ??= framer.push(chunk)
  return seen
}

const cut = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const places = [...new Set([0, ...at.map((place) => place % (bytes.length + 1)), bytes.length])]
  const sorted = places.toSorted((a, b) => a - b)
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

const frames = fc.array(
  fc.record({
    id: fc.integer({ min: 0, max: 0xffffffff }),
    status: fc.integer({ min: 0, max: 0xffffffff }),
    sequence: fc.integer({ min: 0, max: 0xffffffff }),
    body: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 0, max: PDU_OCTETS - 16 }).map((octets) => new Uint8Array(octets)),
    ),
  }),
  { maxLength: 30 },
)

describe('a framer', () => {
  it('finds the same frames however the stream is cut, and runs hold just those that pass', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 60 }), (list, places) => {
        const pdus = list.map(({ id, status, sequence, body }) =>
          pdu(id, sequence, Buffer.from(body), { status }),
        )
        const { headers, runs, counts, fault } = frame(cut(Buffer.concat(pdus), places))
        const passing = pdus.filter((_, index) => ((list[index]?.sequence ?? 0) & 1) === 0)
        expect(fault).toBeUndefined()
        expect(headers).toEqual(
          list.map(({ id, status, sequence }) => [id | 0, status | 0, sequence | 0]),
        )
        expect(Buffer.concat(runs).equals(Buffer.concat(passing))).toBe(true)
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(passing.length)
      }),
      { numRuns: 300 },
    )
  })

  it('hands many frames over as the one chunk that they came in', () => {
    const chunk = Buffer.concat([2, 4, 6].map((sequence) => pdu(4, sequence, 'text')))
    const { runs, counts } = frame([chunk])
    expect(runs[0]).toBe(chunk)
    expect(counts).toEqual([3])
  })

  it('holds what has not come whole, and nothing else', () => {
    const held: number[] = []
    const framer = createFramer(PDU_OCTETS, { passes: () => true, run: () => undefined })
    for (const octet of Buffer.concat([pdu(4, 2, 'text'), pdu(5, 4)])) {
      framer.push(Buffer.of(octet))
      held.push(framer.held())
    }
    expect(held).toEqual(held.map((_, index) => heldAfter(index)))
    expect(held).toHaveLength(36)
  })

  it('passes the frames before a fault on', () => {
    const { runs, fault } = frame([Buffer.concat([pdu(4, 2), pdu(4, 4, '', { length: 15 })])])
    expect(Buffer.concat(runs)).toEqual(pdu(4, 2))
    expect(fault).toBe('length-too-small')
  })
})

/** Octets held after the octet of that index, of a frame of 20 octets and one of 16. */
const heldAfter = (index: number): number => (index < 20 ? (index + 1) % 20 : (index - 19) % 16)

const lengths: readonly [number, FrameFault | undefined][] = [
  [0, 'length-too-small'],
  [2, 'length-too-small'],
  [4, 'length-too-small'],
  [15, 'length-too-small'],
  [16, undefined],
  [512, undefined],
  [513, 'length-too-large'],
  [0x7fffffff, 'length-too-large'],
  [0x80000000, 'length-too-large'],
  [0xffffffff, 'length-too-large'],
]

describe('command_length (J1, J6)', () => {
  it.each(lengths)('%i under a limit of 512: %s', (length, fault) => {
    const bytes = pdu(4, 2, Buffer.alloc(600), { length })
    const sent = bytes.subarray(0, Math.max(16, Math.min(length, 512)))
    expect(frame([sent], 512).fault).toBe(fault)
    const first = readFirstFrame(sent, 512)
    expect(first && 'fault' in first ? first.fault : undefined).toBe(fault)
  })

  it.each(['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0\0\0\0'])(
    'is unbelievable in what is not SMPP: %j',
    (text) => {
      expect(frame([Buffer.from(text, 'latin1')]).fault).toBe('length-too-large')
      expect(readFirstFrame(Buffer.from(text.slice(0, 4), 'latin1'), 512)).toEqual({
        fault: 'length-too-large',
      })
    },
  )

  it('at the limit after a bind passes, one above does not', () => {
    const most = pdu(4, 2, Buffer.alloc(PDU_OCTETS - 16))
    expect(frame([most]).runs).toEqual([most])
    expect(frame([pdu(4, 2, Buffer.alloc(PDU_OCTETS - 15))]).fault).toBe('length-too-large')
  })
})
