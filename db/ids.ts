/** What ids are made of: the clock (ms since the epoch) and a source of random bytes. */
export type IdSources = {
  readonly now: () => number
  readonly random: (bytes: number) => Buffer
}

const poolBytes = 8192
const bytesPerId = 8

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

const octets = Array.from({ length: 256 }, (_, value) => hex(value, 2))
const counters = Array.from({ length: 4096 }, (_, value) => hex(value, 3))

/** `0192e4d2-8c3a-7`: 48 bits of time and the version (RFC 9562 §5.7). */
const prefixOf = (ms: number): string => {
  const time = hex(ms, 12)
  return `${time.slice(0, 8)}-${time.slice(8)}-7`
}

/**
 * Makes UUIDv7 text, ascending within one maker whatever the clock does (RFC 9562 §6.2, method 1):
 * a counter of 12 bits with a random start in each ms, then 62 random bits.
 */
export const createIds = ({ now, random }: IdSources): (() => string) => {
  let pool = random(poolBytes)
  let at = 0
  let ms = -1
  let counter = 0
  let prefix = ''
  const tick = (): void => {
    const time = now()
    if (time > ms) {
      ms = time
      counter = (((pool[at] ?? 0) << 8) | (pool[at + 1] ?? 0)) & 0x7ff
      at += 2
    } else if (++counter > 0xfff) {
      ms += 1
      counter = 0
    } else return
    prefix = prefixOf(ms)
  }
  const octet = (offset: number): string => octets[pool[at + offset] ?? 0] ?? ''
  return () => {
    if (at > poolBytes - bytesPerId - 2) {
      pool = random(poolBytes)
      at = 0
    }
    tick()
    const variant = octets[((pool[at] ?? 0) & 0x3f) | 0x80] ?? ''
    const id =
      `${prefix}${counters[counter] ?? ''}-${variant}${octet(1)}-` +
      `${octet(2)}${octet(3)}${octet(4)}${octet(5)}${octet(6)}${octet(7)}`
    at += bytesPerId
    return id
  }
}

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** An id as we write them, in lower case; undefined for anything else. */
export const parseId = (text: string): string | undefined => {
  const id = text.toLowerCase()
  return uuid7.test(id) ? id : undefined
}

/** The instant in an id, in ms since the epoch. */
export const timeOfId = (id: string): number =>
  Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
