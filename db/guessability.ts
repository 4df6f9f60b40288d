import type { Guess } from '../policies/passwords.ts'

/** What is scored of a long password: time grows with the square, and this much takes 20 ms. */
const scoredLength = 64

/** Each hint, and each word in it: `ann@acme.example` makes `acme` known too. */
const wordsOf = (hints: readonly string[]): string[] => [
  ...new Set(hints.flatMap((hint) => [hint, ...hint.split(/[^\p{L}\p{N}]+/u)])),
]

/** Loads the dictionaries of zxcvbn, a few megabytes, when the first password is set. */
export const createGuessability = (): (() => Promise<Guess>) => {
  let loading: Promise<Guess> | undefined
  const load = async (): Promise<Guess> => {
    const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs }] = await Promise.all([
      import('@zxcvbn-ts/core'),
      import('@zxcvbn-ts/language-common'),
    ])
    const zxcvbn = new ZxcvbnFactory({
      dictionary,
      graphs: adjacencyGraphs,
      maxLength: scoredLength,
    })
    return (password, hints) =>
      zxcvbn.check(
        password,
        wordsOf(hints).filter((word) => word.length > 2),
      ).score
  }
  return () => (loading ??= load())
}
