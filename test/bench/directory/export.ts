import { createSystem } from '../../../gateway/system.ts'
import { basicOf, soloist } from '../http/gateway.ts'
import { residentMiB } from '../stage.ts'
import type { Started } from './gateway.ts'

/** An export of all users: its rows, how fast they came, and the gateway's memory meanwhile (MiB). */
export type Exported = {
  readonly rows: number
  readonly rate: number
  readonly before: number
  /** When a quarter, a half and three quarters of the rows were there. */
  readonly during: readonly number[]
}

const lineFeed = 10

export const exportOf = ({ adminUrl }: Started) => ({
  url: `${adminUrl}/api/v1/users.csv`,
  authorization: basicOf(soloist),
})

/** Exports all users once, and counts what comes. */
export const measureExport = async (gateway: Started, users: number): Promise<Exported> => {
  const { elapsed } = createSystem()
  const { url, authorization } = exportOf(gateway)
  const before = residentMiB(gateway.proxy)
  const began = elapsed()
  const { body, status } = await fetch(url, { headers: { authorization } })
  if (body === null || status !== 200) throw new Error(`${url}: ${status}`)
  let rows = -1
  const during: number[] = []
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) rows += 1
    if (during.length < 3 && rows > (users * (during.length + 1)) / 4)
      during.push(residentMiB(gateway.proxy))
  }
  return { rows, rate: (rows * 1_000) / (elapsed() - began), before, during }
}
