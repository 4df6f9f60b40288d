import {
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto'

/** A certificate and its key, as PEM; an authority's may sign others. */
export type Certificate = {
  readonly name: string
  readonly cert: string
  readonly key: string
}

const tlv = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  if (body.length < 128) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const length = Buffer.from(body.length.toString(16).padStart(4, '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x82]), length, body])
}
const sequence = (...parts: readonly Buffer[]): Buffer => tlv(0x30, ...parts)
const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, 'hex'))
const octets = (body: Buffer): Buffer => tlv(0x04, body)
const bits = (body: Buffer): Buffer => tlv(0x03, Buffer.from([0]), body)
const yes = tlv(0x01, Buffer.from([0xff]))
const time = (text: string): Buffer => tlv(0x17, Buffer.from(text))

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
const commonName = (name: string): Buffer =>
  sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(name)))))

const extensions = (isAuthority: boolean, host: string): Buffer => {
  const dns = tlv(0x82, Buffer.from(host))
  const names =
    host === 'localhost' ? sequence(dns, tlv(0x87, Buffer.from([127, 0, 0, 1]))) : sequence(dns)
  const basic = isAuthority ? sequence(yes) : sequence()
  return tlv(
    0xa3,
    sequence(sequence(oid('551d11'), octets(names)), sequence(oid('551d13'), yes, octets(basic))),
  )
}

const pem = (der: Buffer): string => {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/**
 * A certificate for localhost and 127.0.0.1, or another host (X.509 v3, RFC 5280), signed by
 * `issuer` or by itself; made anew each time, good from 2020 to 2049.
 */
export const createCertificate = (
  name: string,
  issuer?: Certificate,
  isAuthority = issuer === undefined,
  host = 'localhost',
): Certificate => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer: KeyObject = issuer === undefined ? pair.privateKey : createPrivateKey(issuer.key)
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    commonName(issuer?.name ?? name),
    sequence(time('200101000000Z'), time('491231235959Z')),
    commonName(name),
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    extensions(isAuthority, host),
  )
  const signature = bits(sign('sha256', body, signer))
  return {
    name,
    cert: pem(sequence(body, ecdsaWithSha256, signature)),
    key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
