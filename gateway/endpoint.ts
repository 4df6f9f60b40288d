import { parseAddress } from '../policies/address.ts'

/** A host and a TCP port; `host` is a name or an address without brackets. */
export type Endpoint = { readonly host: string; readonly port: number }

const PORT_MAX = 65_535

const written = /^(?:\[([\da-fA-F:.]+)\]|([\w-]+(?:\.[\w-]+)*)):(0|[1-9]\d{0,4})$/

/** A last label of digits makes an IPv4 address of a name, and then it must be a whole one. */
const endsInNumber = /(?:^|\.)(?:\d+|0x[\da-f]*)$/i

const parseHost = (bracketed: string | undefined, name: string | undefined): string | undefined => {
  if (bracketed !== undefined)
    return bracketed.includes(':') ? parseAddress(bracketed)?.text : undefined
  if (name === undefined || name.length > 253) return undefined
  return endsInNumber.test(name) ? parseAddress(name)?.text : name.toLowerCase()
}

/** `host:port` or `[::1]:port`; port 0 stands for a free one. */
export const parseEndpoint = (text: string): Endpoint | undefined => {
  const [, bracketed, name, digits] = written.exec(text) ?? []
  const host = parseHost(bracketed, name)
  const port = Number(digits)
  return host === undefined || !(port <= PORT_MAX) ? undefined : { host, port }
}

/** Whether nobody but this machine reaches the host. */
export const isLoopback = (host: string): boolean => {
  if (host === 'localhost') return true
  const address = parseAddress(host)
  return address?.family === 4 ? address.text.startsWith('127.') : address?.text === '::1'
}
