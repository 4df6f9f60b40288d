import { describe, expect, it } from 'vitest'
import {
  isUrlOf,
  parseHttpUpstream,
  parsePublicUrl,
  parseSmppUpstream,
  parseSmsUrl,
  parseVoiceUrl,
} from '../../gateway/upstream-urls.ts'

describe('an HTTP upstream', () => {
  it.each([
    ['an origin', 'http://127.0.0.1:9000', 'http://127.0.0.1:9000', ''],
    ['an origin with a slash', 'https://api.example.com/', 'https://api.example.com', ''],
    ['a base path', 'http://h:1/api/v1/', 'http://h:1', '/api/v1'],
    ['IPv6', 'http://[::1]:9000', 'http://[::1]:9000', ''],
  ])('is read: %s', (_, text, origin, basePath) => {
    expect(parseHttpUpstream(text)).toEqual({ origin, basePath })
  })

  it.each([
    ['another scheme', 'ftp://h'],
    ['no scheme', 'h:9000'],
    ['no host', 'http://'],
    ['credentials', 'http://u:p@h'],
    ['a name alone', 'http://u@h'],
    ['a query', 'http://h/?a'],
    ['an empty query', 'http://h?'],
    ['a fragment', 'http://h#a'],
    ['a blank', 'http://h /a'],
    ['an encoded slash', 'http://h/a%2Fb'],
    ['an empty segment', 'http://h//a'],
  ])('is none: %s', (_, text) => {
    expect(parseHttpUpstream(text)).toBeUndefined()
  })
})

describe('an SMPP upstream', () => {
  it.each([
    ['plain', 'smpp://smsc:2775', { host: 'smsc', port: 2775, tls: false }],
    ['with TLS', 'smpps://[::1]:3550', { host: '::1', port: 3550, tls: true }],
    [
      'with credentials, encoded where needed',
      'smpp://esme:p%40ss@10.0.0.1:2775/',
      {
        host: '10.0.0.1',
        port: 2775,
        tls: false,
        credentials: { systemId: 'esme', password: 'p@ss' },
      },
    ],
    [
      'with an empty password',
      'smpp://esme:@h:1',
      { host: 'h', port: 1, tls: false, credentials: { systemId: 'esme', password: '' } },
    ],
  ])('is read: %s', (_, text, expected) => {
    expect(parseSmppUpstream(text)).toEqual(expected)
  })

  it.each([
    ['another scheme', 'http://h:2775'],
    ['no port', 'smpp://h'],
    ['port zero', 'smpp://h:0'],
    ['no host', 'smpp://:2775'],
    ['a path', 'smpp://h:1/a'],
    ['a query', 'smpp://h:1?a'],
    ['a password without a name', 'smpp://:secret@h:1'],
    ['a bad escape', 'smpp://u:a%zz@h:1'],
    ['a control in the password', 'smpp://u:a%00b@h:1'],
    ['a password too long', `smpp://u:${'x'.repeat(65)}@h:1`],
  ])('is none: %s', (_, text) => {
    expect(parseSmppUpstream(text)).toBeUndefined()
  })
})

describe('the road of messages', () => {
  const upstream = { host: 'h', port: 1, tls: false, credentials: { systemId: 'u', password: 'p' } }

  it.each([
    ['an SMSC', 'smpp://u:p@h:1', { kind: 'smpp', upstream }],
    [
      'an SMSC with a source',
      'smpp://u:p@h:1?source=Sally%20Port',
      { kind: 'smpp', upstream, source: 'Sally Port' },
    ],
    ['a web API', 'https://h/sms?key=a', { kind: 'https', url: 'https://h/sms?key=a' }],
    [
      'a web API on this machine',
      'http://127.0.0.1:1/',
      { kind: 'https', url: 'http://127.0.0.1:1/' },
    ],
  ])('is read: %s', (_, text, expected) => {
    expect(parseSmsUrl(text)).toEqual(expected)
  })

  it.each([
    ['an SMSC without credentials', 'smpp://h:1'],
    ['an unknown parameter', 'smpp://u:p@h:1?from=a'],
    ['an empty source', 'smpp://u:p@h:1?source='],
    ['a source too long', `smpp://u:p@h:1?source=${'1'.repeat(21)}`],
    ['a web API in clear', 'http://sms.example.com/'],
    ['a web API with credentials', 'https://u:p@h/'],
  ])('is none: %s', (_, text) => {
    expect(parseSmsUrl(text)).toBeUndefined()
  })

  it('is no SMSC for calls', () => {
    expect(parseVoiceUrl('smpp://u:p@h:1')).toBeUndefined()
  })
})

it('has no slash at its end: the base of links', () => {
  expect(parsePublicUrl('https://sally.example.com/')).toBe('https://sally.example.com')
  expect(parsePublicUrl('https://example.com/sally/')).toBe('https://example.com/sally')
  expect(parsePublicUrl('https://example.com/?a')).toBeUndefined()
})

it('is one of the protocols, and has a host: any other URL', () => {
  expect(isUrlOf('redis://:p@h:1/0', 'redis:', 'rediss:')).toBe(true)
  expect(isUrlOf('http://h', 'redis:')).toBe(false)
  expect(isUrlOf('redis:h', 'redis:')).toBe(false)
  expect(isUrlOf('redis://a b', 'redis:')).toBe(false)
})
