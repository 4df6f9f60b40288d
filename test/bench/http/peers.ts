import { fileURLToPath } from 'node:url'
import { heard, type Stage } from '../stage.ts'
import type { Listening } from './nginx.ts'

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
