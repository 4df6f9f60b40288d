import { z } from 'zod'
import { parseEmail, parseUsername } from '../policies/names.ts'
import { checkPassword, defaultPasswordRules, maxPasswordOctets } from '../policies/passwords.ts'
import { parseRange, type Range } from '../policies/range.ts'
import { endpoint, httpUpstream, matching, oneOf, smppUpstream, text } from './settings-fields.ts'
import { isUrlOf, parsePublicUrl, parseSmsUrl, parseVoiceUrl } from './upstream-urls.ts'

/** Where the listeners are if nothing is said. */
export const listenDefaults = {
  httpListen: '127.0.0.1:8080',
  smppListen: '127.0.0.1:2775',
  adminListen: '127.0.0.1:8081',
} as const

const file = (what: string) =>
  matching(
    `must be the path of a file in PEM: ${what}`,
    (path) => path !== '' && !path.includes('\0'),
  )
const listen = (key: keyof typeof listenDefaults) =>
  endpoint(listenDefaults[key]).prefault(listenDefaults[key])
const proxyProtocol = oneOf('off', 'required').default('off')
const email = (right: string) => text(right, parseEmail)

const trustedProxies = z
  .string({ error: 'must be addresses or CIDR blocks, separated by commas' })
  .transform((written, context): readonly Range[] =>
    written.split(',').flatMap((entry) => {
      const read = parseRange(entry.trim())
      if ('range' in read && read.range.prefix > 0) return [read.range]
      const message = 'fault' in read ? read.fault : 'must not trust every address there is'
      context.addIssue({ code: 'custom', message })
      return []
    }),
  )
  .describe('addresses or CIDR blocks, separated by commas')

const mailFrom = matching('must be an address, or a name and <address>', (written) => {
  const [, address] = /^[^<>"\p{Cc}]*<([^<>]*)>$/u.exec(written) ?? []
  return parseEmail(address ?? written) !== undefined
})

/** What the environment may set, and the file by the same names in camelCase. */
export const environmentShape = {
  httpListen: listen('httpListen'),
  httpTlsCert: file('the certificate and what it was signed with').exactOptional(),
  httpTlsKey: file('the key of the certificate').exactOptional(),
  smppListen: listen('smppListen'),
  smppTlsListen: endpoint('127.0.0.1:3550').exactOptional(),
  smppTlsCert: file('the certificate and what it was signed with').exactOptional(),
  smppTlsKey: file('the key of the certificate').exactOptional(),
  smppTlsClientCa: file('authorities of which clients must show a certificate').exactOptional(),
  adminListen: listen('adminListen'),
  httpUpstream: httpUpstream.exactOptional(),
  smppUpstream: smppUpstream.exactOptional(),
  dataDir: matching(
    'must be the path of a folder',
    (path) => path !== '' && !path.includes('\0'),
  ).prefault('./data'),
  databaseUrl: matching('must be postgres://[user:password@]host[:port]/database', (url) =>
    isUrlOf(url, 'postgres:', 'postgresql:'),
  ).exactOptional(),
  redisUrl: matching('must be redis://[user:password@]host[:port][/number] or rediss://…', (url) =>
    isUrlOf(url, 'redis:', 'rediss:'),
  ).exactOptional(),
  trustedProxies: trustedProxies.exactOptional(),
  httpProxyProtocol: proxyProtocol,
  smppProxyProtocol: proxyProtocol,
  publicUrl: text(
    'must be http://host[:port][/path] or https://…, without a query',
    parsePublicUrl,
  ).exactOptional(),
  smtpUrl: matching('must be smtp://[user:password@]host[:port] or smtps://…', (url) =>
    isUrlOf(url, 'smtp:', 'smtps:'),
  ).exactOptional(),
  mailFrom: mailFrom.exactOptional(),
  supportEmail: email('must be an e-mail address').exactOptional(),
  smsUrl: text(
    'must be smpp://user:password@host:port[?source=…], smpps://… or https://…',
    parseSmsUrl,
  ).exactOptional(),
  voiceUrl: text('must be https://…', parseVoiceUrl).exactOptional(),
  adminUsername: text(
    'must be 3 to 64 printable ASCII characters without space and colon',
    parseUsername,
  ).exactOptional(),
  adminEmail: email('must be an e-mail address').exactOptional(),
  adminPassword: matching(
    `must be at least ${defaultPasswordRules.minLength} characters and at most ${maxPasswordOctets} bytes, without control characters`,
    (password) => checkPassword(password, { guess: () => 4 }).length === 0,
  ).exactOptional(),
  logLevel: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent').default('info'),
}
