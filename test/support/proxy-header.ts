/** A PROXY protocol header of version 1 (§2.1): a line of text. */
export const proxyV1 = (rest: string): Buffer => Buffer.from(`PROXY ${rest}\r\n`)

/** A header of version 2 (§2.2); `command` is version and command, `length` may lie. */
export const proxyV2 = (header: {
  readonly command?: number
  readonly family: number
  readonly body: Buffer
  readonly length?: number
}): Buffer => {
  const prefix = Buffer.from('\r\n\r\n\0\r\nQUIT\n\0\0\0\0', 'latin1')
  prefix[12] = header.command ?? 0x21
  prefix[13] = header.family
  prefix.writeUInt16BE(header.length ?? header.body.length, 14)
  return Buffer.concat([prefix, header.body])
}
