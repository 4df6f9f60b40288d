import { findRefusal } from '../../db/refusals.ts'
import { basic, startGateway, type TestGateway, type TestOptions } from './gateway.ts'
import { exchangeRaw, type RawAnswer } from './raw.ts'
import { startUpstream, type TestUpstream } from './upstream.ts'

/** A gateway with a recording upstream behind it. */
export type Pair = {
  readonly upstream: TestUpstream
  readonly gateway: TestGateway
  readonly stop: () => Promise<void>
}

/** The Authorization of the user that every pair has. */
export const alice = basic('alice', 'alice-secret-1')

/** A request head with a Host and those fields, and its last empty line; `\n` stands for CRLF. */
export const head = (line: string, fields = ''): string =>
  `${line} HTTP/1.1\nHost: h\n${fields === '' ? '' : `${fields}\n`}\n`.replaceAll('\n', '\r\n')

/** A request that is permitted as it stands. */
export const good = (path = '/good', fields = ''): string =>
  head(`GET ${path}`, `Authorization: ${alice}${fields === '' ? '' : `\n${fields}`}`)

type PairOptions = TestOptions & {
  readonly answer?: Parameters<typeof startUpstream>[0]
  readonly listener?: Parameters<typeof startUpstream>[1]
  /** The routes, of the upstream's URL; else everything leads there. */
  readonly routes?: (upstream: string) => readonly object[]
}

/** Both started, with alice among the users; refusals wait for no floor unless `file` says so. */
export const startPair = async (options: PairOptions = {}): Promise<Pair> => {
  const upstream = await startUpstream(options.answer, options.listener)
  const { limits = {}, ...file } = options.file ?? {}
  const { url } = upstream
  const gateway = await startGateway({
    ...options,
    file: {
      ...(options.routes === undefined ? { httpUpstream: url } : { routes: options.routes(url) }),
      ...file,
      limits: { floorMs: 0, ...(limits as object) },
    },
    users: [{ username: 'alice', password: 'alice-secret-1' }, ...(options.users ?? [])],
  })
  return {
    upstream,
    gateway,
    stop: async () => {
      await gateway.stop()
      await upstream.stop()
    },
  }
}

/** Makes alice's credential and a connection to the upstream warm: what follows is decided at once. */
export const prime = async ({ gateway }: Pair): Promise<void> => {
  const response = await fetch(`${gateway.url}/prime`, { headers: { authorization: alice } })
  if (response.status !== 200) throw new Error(`not primed: ${response.status}`)
  await response.arrayBuffer()
}

/** What became of an answer: the audit's reason for a refusal, and how often the upstream saw its id. */
export type Verdict = {
  readonly status: number
  readonly reason: string | null | undefined
  readonly seen: number
}

export const permitted = (status = 200): Verdict => ({ status, reason: undefined, seen: 1 })
export const refused = (status: number, reason: string): Verdict => ({ status, reason, seen: 0 })

const answers = /HTTP\/1\.1 (\d{3})[^\r\n]*\r\n(?:[^\r\n]+\r\n)*?x-sallyport-decision: (\S+)\r\n/gi

/** The reason that the audit keeps under a decision's id; undefined for a permit. */
export const reasonOf = async (
  { core }: TestGateway,
  id: string | null,
): Promise<string | null | undefined> => {
  await core.refusals.flush()
  return (await findRefusal(core.database, id ?? ''))?.event.reason
}

/** The verdicts on all answers in a text, in their order. */
export const verdictsIn = async ({ gateway, upstream }: Pair, text: string): Promise<Verdict[]> => {
  const verdicts: Verdict[] = []
  for (const [, status, id = ''] of text.matchAll(answers)) {
    const seen = upstream.seen.filter(({ fields }) => fields['x-sallyport-decision'] === id).length
    verdicts.push({ status: Number(status), reason: await reasonOf(gateway, id), seen })
  }
  return verdicts
}

/** Sends octets until the gateway closes, or until `until`; answers with the verdicts. */
export const attack = async (
  pair: Pair,
  octets: string | readonly string[],
  until?: (text: string) => boolean,
): Promise<RawAnswer & { readonly verdicts: Verdict[]; readonly seen: string[] }> => {
  const before = pair.upstream.seen.length
  const answer = await exchangeRaw(pair.gateway.port, octets, until)
  const seen = pair.upstream.seen.slice(before).map(({ method, url }) => `${method} ${url}`)
  return { ...answer, verdicts: await verdictsIn(pair, answer.text), seen }
}
