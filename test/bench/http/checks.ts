import type { BenchUser } from './gateway.ts'
import { basicOf } from './gateway.ts'
import type { Job } from './load.ts'
import type { Peer } from './peers.ts'
import { smallAnswers } from './jobs.ts'

const ask = async (peer: Peer, { method, path, body }: Job, authorization?: string) => {
  const response = await fetch(peer.url + path, {
    method,
    ...(authorization === undefined ? {} : { headers: { authorization } }),
    ...(body === undefined ? {} : { body: Buffer.alloc(body, 'x') }),
  })
  return { status: response.status, octets: (await response.arrayBuffer()).byteLength }
}

const fail = (peer: Peer, what: string, cause?: unknown): never => {
  throw new Error(`${peer.name} ${what}: ${peer.proxy.output()}`, { cause })
}

/** A peer that does not do the job is not measured; throws. */
export const checkJob = async (peer: Peer, job: Job): Promise<void> => {
  const [authorization] = job.authorizations
  const got = await ask(peer, job, authorization).catch((error: unknown) =>
    fail(peer, `does not answer ${job.name}`, error),
  )
  if (got.status !== 200 || got.octets !== job.answer)
    fail(peer, `answers ${job.name} with ${got.status} and ${got.octets} octets`)
}

/** A peer that is to guard refuses who brings nothing, and who brings a wrong password; throws. */
export const checkGuard = async (peer: Peer, user: BenchUser): Promise<void> => {
  const job = smallAnswers(user)
  const wrong = basicOf({ ...user, password: 'not this one, surely' })
  for (const authorization of [undefined, wrong]) {
    const { status } = await ask(peer, job, authorization)
    if (status !== 401) fail(peer, `answers ${status} where it should refuse`)
  }
}

/** Lets every user in once, some at a time, so that each secret has been verified. */
export const warmUp = async (peer: Peer, { authorizations, ...job }: Job): Promise<void> => {
  const waiting = authorizations.values()
  const work = async (): Promise<void> => {
    for (const authorization of waiting) {
      const { status } = await ask(peer, { ...job, authorizations }, authorization)
      if (status !== 200) fail(peer, `answers ${status} while it is warmed up`)
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
}

/** How many requests over HTTP the gateway has permitted, as it says itself. */
export const permitted = async (adminUrl: string): Promise<number> => {
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  const line =
    /^sallyport_decisions_total\{(?=[^}]*channel="http")(?=[^}]*effect="permit")[^}]*\} (\d+)/gm
  return Array.from(text.matchAll(line), ([, count]) => Number(count)).reduce((a, b) => a + b, 0)
}
