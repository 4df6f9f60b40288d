import { smallAnswers } from '../http/jobs.ts'
import { soloist } from '../http/gateway.ts'
import { measure, type Measured } from '../http/load.ts'
import { median, type Row } from '../report.ts'
import type { Stage } from '../stage.ts'
import { exportOf } from './export.ts'
import type { Started } from './gateway.ts'
import { askUsers } from './lists.ts'

/** What goes on while the data plane is measured; the answer ends it. */
type Beside = () => () => Promise<unknown>

/** The same over and over until it is ended. */
const repeat = (work: () => Promise<unknown>): (() => Promise<unknown>) => {
  const wish = new AbortController()
  const going = (async () => {
    while (!wish.signal.aborted) await work()
  })()
  return () => {
    wish.abort()
    return going
  }
}

/** By curl, so that reading the export costs next to nothing; the last one is cut off. */
const exporting = (stage: Stage, gateway: Started): Beside => {
  const { url, authorization } = exportOf(gateway)
  const args = ['-s', '-o', '/dev/null', '-H', `authorization: ${authorization}`, url]
  return () => {
    let { child } = stage.start('both', 'curl', args)
    const again = (): void => {
      child = stage.start('both', 'curl', args).child
      child.once('exit', again)
    }
    child.once('exit', again)
    return async () => {
      child.off('exit', again)
      child.kill()
    }
  }
}

const searching =
  ({ adminUrl }: Started): Beside =>
  () =>
    repeat(() => askUsers(adminUrl, 'count=true&search=zo'))

const nothing: Beside = () => async () => undefined

export type Disturbed = { readonly what: string; readonly rounds: Measured[] }

/** The data plane alone, beside an export, and beside searches, in turn, so many rounds. */
export const measureHotPath = async (
  stage: Stage,
  gateway: Started,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<readonly Disturbed[]> => {
  const job = smallAnswers(soloist)
  const kinds = [
    { what: 'alone', beside: nothing, rounds: [] as Measured[] },
    { what: 'beside an export', beside: exporting(stage, gateway), rounds: [] as Measured[] },
    { what: 'beside searches', beside: searching(gateway), rounds: [] as Measured[] },
  ]
  await measure(stage, job, gateway, 1)
  for (let round = 0; round < rounds; round++)
    for (const { beside, rounds: measured } of kinds) {
      const end = beside()
      measured.push(await measure(stage, job, gateway, seconds))
      await end()
    }
  return kinds
}

const medianOf = ({ rounds }: Disturbed, of: keyof Measured): number =>
  median(rounds.map((round) => round[of]))

/** How many times the rate of the rounds in which nothing else went on. */
export const ratioOf = (disturbed: Disturbed, alone: Disturbed): number =>
  median(disturbed.rounds.map(({ rate }, round) => rate / (alone.rounds[round]?.rate ?? NaN)))

export const hotPathRow = (disturbed: Disturbed, alone: Disturbed): string => {
  const of = (name: keyof Measured): string => medianOf(disturbed, name).toFixed(2)
  return `data plane ${disturbed.what}: ${Math.round(medianOf(disturbed, 'rate'))} requests/s (${ratioOf(disturbed, alone).toFixed(2)} ×), p50 ${of('p50')} ms, p99 ${of('p99')} ms`
}

export const hotPathRuns = ({ what, rounds }: Disturbed): readonly Row[] =>
  rounds.map((round, index) => ({ what, round: index + 1, ...round }))
