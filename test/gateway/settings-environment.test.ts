import { describe, expect, it } from 'vitest'
import { namesOf, upstreams } from '../support/settings.ts'

describe('a fault of the environment', () => {
  it.each([
    ['HTTP_LISTEN', '8080'],
    ['SMPP_LISTEN', '::1:2775'],
    ['ADMIN_LISTEN', 'localhost'],
    ['HTTP_UPSTREAM', 'api:9000'],
    ['SMPP_UPSTREAM', 'smpp://smsc'],
    ['DATABASE_URL', 'mysql://h/d'],
    ['REDIS_URL', 'h:6379'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.0/8,,10.0.0.1'],
    ['TRUSTED_PROXIES', '0.0.0.0/0'],
    ['TRUSTED_PROXIES', '::/0'],
    ['HTTP_PROXY_PROTOCOL', 'on'],
    ['PUBLIC_URL', 'sally.example.com'],
    ['SUPPORT_EMAIL', 'support'],
    ['MAIL_FROM', 'a@example.com\r\nBcc: b@example.com'],
    ['MAIL_FROM', 'A <a@example.com>, b@example.com'],
    ['SMS_URL', 'smpp://h:1'],
    ['VOICE_URL', 'http://voice.example.com'],
    ['LOG_LEVEL', 'verbose'],
    ['SALLYPORT_HTTP_LISTEN', '127.0.0.1:1'],
  ])('names the setting: %s=%s', (name, value) => {
    expect(namesOf({ [name]: value })).toEqual([name])
  })

  it.each([
    ['a certificate without a key', { HTTP_TLS_CERT: '/c' }, ['HTTP_TLS_KEY']],
    ['a key without a certificate', { HTTP_TLS_KEY: '/k' }, ['HTTP_TLS_CERT']],
    [
      'SMPP over TLS without a pair',
      { SMPP_TLS_LISTEN: '127.0.0.1:1' },
      ['SMPP_TLS_CERT', 'SMPP_TLS_KEY'],
    ],
    [
      'a pair without SMPP over TLS',
      { SMPP_TLS_CERT: '/c', SMPP_TLS_KEY: '/k' },
      ['SMPP_TLS_LISTEN'],
    ],
    ['an authority without SMPP over TLS', { SMPP_TLS_CLIENT_CA: '/c' }, ['SMPP_TLS_LISTEN']],
    ['half an admin', { ADMIN_USERNAME: 'root' }, ['ADMIN_EMAIL', 'ADMIN_PASSWORD']],
    ['a mail server without a sender', { SMTP_URL: 'smtp://h' }, ['MAIL_FROM']],
    [
      'the PROXY protocol without proxies',
      { HTTP_PROXY_PROTOCOL: 'required', SMPP_PROXY_PROTOCOL: 'required' },
      ['TRUSTED_PROXIES'],
    ],
    ['an open sandbox', { HTTP_LISTEN: '0.0.0.0:80' }, ['HTTP_LISTEN']],
    [
      'an open sandbox of SMPP',
      { HTTP_UPSTREAM: 'http://u', SMPP_LISTEN: '[::]:1' },
      ['SMPP_LISTEN'],
    ],
    ['an open console of the sandbox', { ADMIN_LISTEN: '10.0.0.1:1' }, ['ADMIN_LISTEN']],
    ['two listeners on one port', { ...upstreams, HTTP_LISTEN: '0.0.0.0:8081' }, ['ADMIN_LISTEN']],
    [
      'a password too short',
      { ADMIN_USERNAME: 'root', ADMIN_EMAIL: 'a@b.c', ADMIN_PASSWORD: 'short' },
      ['ADMIN_PASSWORD'],
    ],
  ])('names what is missing or too much: %s', (_, environment, names) => {
    expect(namesOf(environment)).toEqual(names)
  })

  it('is none where listeners share a free port, or a port on two addresses', () => {
    expect(
      namesOf({
        HTTP_LISTEN: '127.0.0.1:0',
        ADMIN_LISTEN: '127.0.0.1:0',
        SMPP_LISTEN: '127.0.0.1:0',
      }),
    ).toEqual([])
    expect(namesOf({ HTTP_LISTEN: '127.0.0.1:80', ADMIN_LISTEN: '127.0.0.2:80' })).toEqual([])
  })

  it('stands beside all the others', () => {
    const names = namesOf(
      {
        HTTP_LISTEN: 'x',
        LOG_LEVEL: 'x',
        HTTP_TLS_CERT: '/c',
        SALLYPORT_X: '1',
        REDIS_URL: 'redis://h',
      },
      { smppListen: 'x', unknown: 1, routes: [{ path: 'x' }], redisCluster: { nodes: ['a:1'] } },
    )
    expect(names.sort()).toEqual(
      [
        'HTTP_LISTEN',
        'HTTP_TLS_KEY',
        'LOG_LEVEL',
        'SALLYPORT_X',
        'redisCluster',
        'routes[0].path',
        'routes[0].upstream',
        'smppListen',
        'unknown',
      ].sort(),
    )
  })
})
