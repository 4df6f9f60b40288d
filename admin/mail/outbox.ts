import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makeFolder } from '../../db/folders.ts'
import { createIds, parseId } from '../../db/ids.ts'
import type { Letter, Mail } from './mail.ts'

const kept = z.object({
  id: z.string(),
  /** Ms since the epoch. */
  at: z.number(),
  to: z.string(),
  subject: z.string(),
  language: z.string(),
  text: z.string(),
  html: z.string(),
})

/** A mail that was kept rather than sent. */
export type KeptMail = Readonly<z.infer<typeof kept>>

/** Mails as files, where there is no mail server: `ID.eml` beside what a page shows of it. */
export type Outbox = {
  readonly keep: (mail: Mail, letter: Letter) => Promise<string>
  /** The newest first, without their contents. */
  readonly list: (limit?: number) => Promise<readonly Omit<KeptMail, 'text' | 'html'>[]>
  readonly find: (id: string) => Promise<KeptMail | undefined>
}

export type OutboxSettings = {
  readonly folder: string
  readonly now: () => number
  readonly random: (bytes: number) => Buffer
  /** How many are kept; then the oldest go. */
  readonly limit?: number
}

/** `part` is a `json` that is not whole yet. */
const kinds = ['json', 'eml', 'part'] as const

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** An outbox in a folder of its own (0700, files 0600); what it holds outlives the process. */
export const createOutbox = ({ folder, now, random, limit = 500 }: OutboxSettings): Outbox => {
  const nextId = createIds({ now, random })
  const fileOf = (id: string, kind: (typeof kinds)[number]): string => join(folder, `${id}.${kind}`)

  /** Ids carry their time, so their order is that of arrival. */
  const newestFirst = async (isMeant: (name: string) => boolean): Promise<string[]> => {
    const names = await readdir(folder).catch((error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    const ids = names.flatMap((name) =>
      isMeant(name) ? (parseId(name.slice(0, name.indexOf('.'))) ?? []) : [],
    )
    return [...new Set(ids)].sort().reverse()
  }

  const find = async (id: string): Promise<KeptMail | undefined> => {
    const known = parseId(id)
    if (known === undefined) return undefined
    try {
      return kept.parse(JSON.parse(await readFile(fileOf(known, 'json'), 'utf8')))
    } catch (error) {
      // Another process may have dropped it meanwhile.
      if (isMissing(error)) return undefined
      throw new Error(`the outbox cannot read ${known}`, { cause: error })
    }
  }

  /** Also what a crash has left half written. */
  const dropOldest = async (): Promise<void> => {
    for (const id of (await newestFirst(() => true)).slice(limit))
      for (const kind of kinds) await rm(fileOf(id, kind), { force: true })
  }

  return {
    keep: async ({ to, subject, language, text, html }, { octets }) => {
      makeFolder(folder)
      const id = nextId()
      const shown: KeptMail = { id, at: now(), to, subject, language, text, html }
      const unfinished = fileOf(id, 'part')
      await writeFile(fileOf(id, 'eml'), octets, { mode: 0o600, flag: 'wx' })
      await writeFile(unfinished, JSON.stringify(shown), { mode: 0o600, flag: 'wx' })
      await rename(unfinished, fileOf(id, 'json'))
      await dropOldest()
      return id
    },

    list: async (most = 50) => {
      const ids = await newestFirst((name) => name.endsWith('.json'))
      const found = await Promise.all(ids.slice(0, most).map(find))
      return found.flatMap((mail) => {
        if (mail === undefined) return []
        const { id, at, to, subject, language } = mail
        return [{ id, at, to, subject, language }]
      })
    },

    find,
  }
}
