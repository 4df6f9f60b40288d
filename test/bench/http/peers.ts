import { fileURLToPath } from 'node:url'
import { heard, type Stage } from '../stage.ts'
import type { Listening } from './nginx.ts'

/** One of those that are measured side by side. */
export type Peer = Listening & {
  readonly name: string
  /** Called after each of its rounds, when it may still be at work for connections that are gone. */
  readonly settle?: () => Promise<void>
  /** A round of a slow one takes so long at least. */
  readonly leastSeconds?: number
}

/** A peer that is a program of this folder: it prints its URL when it is up. */
export const startProgram = async (
  stage: Stage,
  file: string,
  upstream: Listening,
): Promise<Listening> => {
  const script = fileURLToPath(new URL(file, import.meta.url))
  const proxy = stage.start('proxy', process.execPath, [script, upstream.url])
  const url = await heard(proxy, (line) => (line.startsWith('http://') ? line : undefined))
  return { url, proxy }
}
