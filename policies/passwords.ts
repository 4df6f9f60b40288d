import type { Fault } from './faults.ts'

/** How many guesses a password withstands, from 0 (at once) to 4; hints are what a stranger knows. */
export type Guess = (password: string, hints: readonly string[]) => number

/** An account's setting; below 8 it counts as 8. */
export type PasswordRules = { readonly minLength: number }

export const defaultPasswordRules: PasswordRules = { minLength: 12 }

export const minPasswordLength = 8
export const maxPasswordOctets = 256

/** SMPP 3.4 allows 8 octets of password (§4.1.1); many clients send more, and 64 are accepted. */
export const maxSmppPasswordOctets = 64
const strictSmppPasswordOctets = 8

/** 3: safe against online and moderately against offline guessing. */
const minGuessability = 3
/** An SMPP password can be 8 octets, of which no choice scores 3: only the commonest are refused. */
const minSmppGuessability = 1

const printable = /^[ -~]*$/
const guessable = 'is easy to guess: take several unrelated words, or a longer one'

const fault = (path: string, message: string): Fault => ({ path, message })

/** Counted as a reader counts them: code points, not UTF-16 units. */
const lengthOf = (password: string): number => Array.from(password).length

/** What is wrong with a new password, all at once; it is refused, never truncated or changed. */
export const checkPassword = (
  password: string,
  {
    rules = defaultPasswordRules,
    guess,
    hints = [],
    path = 'password',
  }: {
    readonly rules?: PasswordRules
    readonly guess: Guess
    readonly hints?: readonly string[]
    readonly path?: string
  },
): readonly Fault[] => {
  // Each UTF-16 unit takes an octet or more, so what is huge is never encoded or searched.
  const isTooLong =
    password.length > maxPasswordOctets || Buffer.byteLength(password) > maxPasswordOctets
  if (isTooLong) return [fault(path, `takes at most ${maxPasswordOctets} bytes of UTF-8`)]
  const shortest = Math.max(rules.minLength, minPasswordLength)
  const faults: Fault[] = []
  if (!(lengthOf(password) >= shortest))
    faults.push(fault(path, `takes at least ${shortest} characters`))
  if (!password.isWellFormed()) faults.push(fault(path, 'is not well-formed Unicode'))
  if (/\p{Cc}/u.test(password)) faults.push(fault(path, 'has control characters'))
  if (faults.length === 0 && !(guess(password, hints) >= minGuessability))
    faults.push(fault(path, guessable))
  return faults
}

/** What is wrong with a separate SMPP password: 8 to 64 octets of printable ASCII. */
export const checkSmppPassword = (
  password: string,
  {
    guess,
    hints = [],
    path = 'password',
  }: { readonly guess: Guess; readonly hints?: readonly string[]; readonly path?: string },
): readonly Fault[] => {
  if (password.length > maxSmppPasswordOctets)
    return [fault(path, `takes at most ${maxSmppPasswordOctets} octets`)]
  const faults: Fault[] = []
  if (password.length < minPasswordLength)
    faults.push(fault(path, `takes at least ${minPasswordLength} characters`))
  if (!printable.test(password)) faults.push(fault(path, 'takes printable ASCII only'))
  if (faults.length === 0 && !(guess(password, hints) >= minSmppGuessability))
    faults.push(fault(path, guessable))
  return faults
}

/** Who can send a password in a bind: every client, only lenient ones (over 8 octets), or none. */
export const smppReach = (password: string): 'all' | 'lenient' | 'none' => {
  if (password === '' || password.length > maxSmppPasswordOctets || !printable.test(password))
    return 'none'
  return password.length > strictSmppPasswordOctets ? 'lenient' : 'all'
}
