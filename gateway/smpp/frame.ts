import { HEADER_OCTETS } from './constants.ts'

/** A command_length under 16 or over the limit (SMPP 3.4 §3.2): nothing after it can be trusted. */
export type FrameFault = 'length-too-small' | 'length-too-large'

/** Whom a framer tells of the frames that it finds. */
export type FrameSink = {
  /**
   * One header, as signed 32-bit numbers (bit 31 of commandId: a response). True lets the frame
   * go on in the run with its neighbours, false keeps it out of it.
   */
  readonly passes: (commandId: number, status: number, sequence: number) => boolean
  /** Whole frames one after another, just as they came. */
  readonly run: (bytes: Buffer, frames: number) => void
}

export type Framer = {
  /** Takes what was read. After a fault, which frames before it do not suffer from, it takes no more. */
  readonly push: (chunk: Buffer) => FrameFault | undefined
  /** Octets held of a frame that has not come whole. */
  readonly held: () => number
}

/** Pieces of one frame are joined at the latest when there are so many. */
const MOST_PIECES = 64

/** What a framer at the beginning of a frame holds: one for all, into which nothing is put. */
const noPieces: Buffer[] = []

export const lengthFault = (length: number, limit: number): FrameFault | undefined => {
  if (length < HEADER_OCTETS) return 'length-too-small'
  return length > limit ? 'length-too-large' : undefined
}

/** A class for the same reason as a leg is one. */
class PduFramer implements Framer {
  private readonly limit: number
  private readonly sink: FrameSink
  private pieces: Buffer[] = noPieces
  private heldOctets = 0
  /** What must be there before it is worth looking again: a header, or all of the frame. */
  private needed = HEADER_OCTETS

  constructor(limit: number, sink: FrameSink) {
    this.limit = limit
    this.sink = sink
  }

  push(chunk: Buffer): FrameFault | undefined {
    if (this.heldOctets === 0) return this.scan(chunk)
    if (this.heldOctets + chunk.length < this.needed) {
      this.hold(chunk)
      return undefined
    }
    const bytes = Buffer.concat([...this.pieces, chunk], this.heldOctets + chunk.length)
    this.pieces = noPieces
    this.heldOctets = 0
    return this.scan(bytes)
  }

  held(): number {
    return this.heldOctets
  }

  private hold(piece: Buffer): void {
    if (this.pieces === noPieces) this.pieces = []
    this.pieces.push(piece)
    this.heldOctets += piece.length
    if (this.pieces.length > MOST_PIECES)
      this.pieces = [Buffer.concat(this.pieces, this.heldOctets)]
  }

  private scan(bytes: Buffer): FrameFault | undefined {
    const { limit, sink } = this
    const end = bytes.length
    const view = new DataView(bytes.buffer, bytes.byteOffset, end)
    let at = 0
    let runFrom = 0
    let frames = 0
    let fault: FrameFault | undefined
    this.needed = HEADER_OCTETS
    while (at + HEADER_OCTETS <= end) {
      const length = view.getInt32(at)
      // Signed: a length of 2 GiB or more is negative here.
      if (length < HEADER_OCTETS || length > limit) {
        fault = lengthFault(length >>> 0, limit)
        break
      }
      if (at + length > end) {
        this.needed = length
        break
      }
      if (sink.passes(view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12)))
        frames += 1
      else {
        if (frames > 0) sink.run(bytes.subarray(runFrom, at), frames)
        frames = 0
        runFrom = at + length
      }
      at += length
    }
    if (frames > 0)
      sink.run(runFrom === 0 && at === end ? bytes : bytes.subarray(runFrom, at), frames)
    if (at < end && fault === undefined) {
      const tail = bytes.subarray(at)
      // A short tail would keep all of a long chunk alive.
      this.hold(tail.length * 2 < end ? Buffer.from(tail) : tail)
    }
    return fault
  }
}

/**
 * Cuts a stream of bytes into PDUs of at most `limit` octets; copies only what came in pieces. Reads through
 * a DataView, which is several times faster than `readInt32BE`.
 */
export const createFramer = (limit: number, sink: FrameSink): Framer => new PduFramer(limit, sink)

/** The first frame of what was read so far, with what came behind it; undefined while incomplete. */
export const readFirstFrame = (
  bytes: Buffer,
  limit: number,
): { frame: Buffer; rest: Buffer } | { fault: FrameFault } | undefined => {
  if (bytes.length < 4) return undefined
  const length = bytes.readUInt32BE(0)
  const fault = lengthFault(length, limit)
  if (fault !== undefined) return { fault }
  if (bytes.length < length) return undefined
  return { frame: bytes.subarray(0, length), rest: bytes.subarray(length) }
}
