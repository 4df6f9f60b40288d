import type { Context, MiddlewareHandler } from 'hono'
import type { AdminEnv } from './caller.ts'
import { faultOfJson } from './json.ts'
import { renderRefused, type ProblemName } from './problems.ts'

/** Room for the longest safelist. */
const mostOctets = 2 * 1024 * 1024

const json = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/** The octets of a body, up to a limit; undefined beyond it. */
const readOctets = async (request: Request): Promise<Buffer | undefined> => {
  if (Number(request.headers.get('content-length') ?? 0) > mostOctets) return undefined
  const chunks: Uint8Array[] = []
  let octets = 0
  const body = (request.body ?? []) as AsyncIterable<Uint8Array> | readonly []
  for await (const chunk of body) {
    octets += chunk.byteLength
    if (octets > mostOctets) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const decode = (octets: Buffer): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return undefined
  }
}

const readText = async (c: Context): Promise<{ text: string } | { refused: ProblemName }> => {
  if (!json.test(c.req.header('content-type') ?? '')) return { refused: 'unsupported-media-type' }
  const octets = await readOctets(c.req.raw)
  if (octets === undefined) return { refused: 'content-too-large' }
  const text = decode(octets)
  if (text === undefined) return { refused: 'malformed' }
  const fault = faultOfJson(text)
  return fault === undefined ? { text } : { refused: fault }
}

/** Reads the body strictly, and puts what was read in its place for the validator. */
export const readBody: MiddlewareHandler<AdminEnv> = async (c, next) => {
  const read = await readText(c)
  if ('refused' in read) return renderRefused(read, c.var.caller.decisionId)
  const { url, method, headers } = c.req.raw
  c.req.raw = new Request(url, { method, headers, body: read.text })
  await next()
  return undefined
}
