import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, unwatchFile, watchFile, type Stats } from 'node:fs'
import type { Server, TlsOptions } from 'node:tls'

/** Paths of PEM files. `clientCa`: clients must show a certificate that one of these signed. */
export type TlsFiles = {
  readonly cert: string
  readonly key: string
  readonly clientCa?: string
}

/** Whose files they are, as their settings begin. */
export type TlsOwner = 'HTTP_TLS' | 'SMPP_TLS'

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable'
    throw new Error(`cannot read ${path} (${code})`, { cause })
  }
}

const parsePem = <Value>(path: string, what: string, parse: (pem: string) => Value) => {
  const pem = readText(path)
  try {
    return { pem, value: parse(pem) }
  } catch (cause) {
    throw new Error(`${path} holds no ${what} in PEM`, { cause })
  }
}

/** What goes wrong is said of the setting that names the file. */
const read = <Value>(
  setting: string,
  ...pem: Parameters<typeof parsePem<Value>>
): ReturnType<typeof parsePem<Value>> => {
  try {
    return parsePem(...pem)
  } catch (cause) {
    throw new Error(`${setting}: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
}

/**
 * Options of a server that speaks TLS 1.2 or better with these files. Throws an error that names
 * the setting and the file which is missing, is no PEM, or holds the key of another certificate.
 */
export const readTlsOptions = ({ cert, key, clientCa }: TlsFiles, owner: TlsOwner): TlsOptions => {
  const certificate = read(`${owner}_CERT`, cert, 'certificate', (pem) => new X509Certificate(pem))
  const privateKey = read(`${owner}_KEY`, key, 'unencrypted private key', (pem) =>
    createPrivateKey(pem),
  )
  if (!certificate.value.checkPrivateKey(privateKey.value))
    throw new Error(`${owner}_KEY: ${key} is not the key of the certificate in ${cert}`)
  const pair = { cert: certificate.pem, key: privateKey.pem, minVersion: 'TLSv1.2' } as const
  if (clientCa === undefined) return pair
  const ca = read(
    `${owner}_CLIENT_CA`,
    clientCa,
    'certificate',
    (pem) => new X509Certificate(pem),
  ).pem
  return { ...pair, ca, requestCert: true, rejectUnauthorized: true }
}

export type TlsReload = {
  /** How often the files are looked at, in ms. */
  readonly intervalMs: number
  readonly owner: TlsOwner
  /** Told of every reload; an error leaves the old certificate in use. */
  readonly onReload: (error?: Error) => void
}

/**
 * Lets new connections of a server use the files' content as it changes; open connections stay as
 * they are. Returns what ends the watch.
 */
export const watchTls = (server: Server, files: TlsFiles, reload: TlsReload): (() => void) => {
  const paths = new Set(Object.values(files))
  const onChange = (now: Stats, before: Stats): void => {
    if (now.mtimeMs === before.mtimeMs && now.ino === before.ino && now.size === before.size) return
    try {
      server.setSecureContext(readTlsOptions(files, reload.owner))
      reload.onReload()
    } catch (error) {
      reload.onReload(error instanceof Error ? error : new Error('not readable', { cause: error }))
    }
  }
  for (const path of paths)
    watchFile(path, { interval: reload.intervalMs, persistent: false }, onChange)
  return () => {
    for (const path of paths) unwatchFile(path, onChange)
  }
}
