/**
 * How well one number tells two kinds of samples apart: the chance that one of `a` is greater than
 * one of `b`, ties by half (Mann and Whitney's U, as a share). 0.5: not at all; 0 or 1: always.
 */
export const auc = (a: readonly number[], b: readonly number[]): number => {
  const all = [
    ...a.map((value) => ({ value, isA: true })),
    ...b.map((value) => ({ value, isA: false })),
  ]
  all.sort((one, other) => one.value - other.value)
  let rankSum = 0
  for (let from = 0; from < all.length;) {
    let to = from
    while (to < all.length && all[to]?.value === all[from]?.value) to += 1
    const rank = (from + 1 + to) / 2
    for (let at = from; at < to; at++) if (all[at]?.isA === true) rankSum += rank
    from = to
  }
  return (rankSum - (a.length * (a.length + 1)) / 2) / (a.length * b.length)
}
