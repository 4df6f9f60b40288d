/** The most resident memory that a piece of work takes beyond what there was, in bytes. */
export const growthDuring = async (work: () => Promise<unknown>): Promise<number> => {
  const before = process.memoryUsage.rss()
  let most = before
  const look = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 10)
  try {
    await work()
  } finally {
    clearInterval(look)
  }
  return most - before
}
