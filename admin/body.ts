import type { Context, MiddlewareHandler } from 'hono'
import type { AdminEnv } from './caller.ts'
import { faultOfJson } from './json.ts'
import { renderRefused, type ProblemName } from './problems.ts'

/** Room for what a form holds: whoever is let in can make this much be read. */
const usualOctets = 64 * 1024

/** Room for the longest safelist. */
const longOctets = 2 * 1024 * 1024

const json = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/** The octets of a body, up to a limit; undefined beyond it. */
const readOctets = async (request: Request, mostOctets: number): Promise<Buffer | undefined> => {
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

const readText = async (
  c: Context,
  mostOctets: number,
): Promise<{ text: string } | { refused: ProblemName }> => {
  if (!json.test(c.req.header('content-type') ?? '')) return { refused: 'unsupported-media-type' }
  const octets = await readOctets(c.req.raw, mostOctets)
  if (octets === undefined) return { refused: 'content-too-large' }
  const text = decode(octets)
  if (text === undefined) return { refused: 'malformed' }
  const fault = faultOfJson(text)
  return fault === undefined ? { text } : { refused: fault }
}

/** Reads the body strictly, and puts what was read in its place for the validator. */
export const createReadBody =
  ({ isLong = false }: { readonly isLong?: boolean | undefined }): MiddlewareHandler<AdminEnv> =>
  async (c, next) => {
    const read = await readText(c, isLong ? longOctets : usualOctets)
    if ('refused' in read) return renderRefused(read, c.var.caller.decisionId)
    const { url, method, headers } = c.req.raw
    c.req.raw = new Request(url, { method, headers, body: read.text })
    await next()
    return undefined
  }
