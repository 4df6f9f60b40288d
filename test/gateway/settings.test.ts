import fc from 'fast-check'
import { format } from 'prettier'
import { describe, expect, it } from 'vitest'
import { readSettings, settingsJsonSchema } from '../../gateway/settings.ts'

type Environment = Record<string, string | undefined>

const settingsOf = (environment: Environment, file?: unknown) => {
  const read = readSettings(environment, file === undefined ? undefined : json(file))
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  return read.settings
}
const json = (content: unknown) => ({ path: 'sallyport.json', text: JSON.stringify(content) })
const namesOf = (environment: Environment, file?: unknown) => {
  const read = readSettings(environment, file === undefined ? undefined : json(file))
  return 'faults' in read ? read.faults.map(({ name }) => name) : []
}
const upstreams = { HTTP_UPSTREAM: 'http://u:1', SMPP_UPSTREAM: 'smpp://u:1' }

describe('settings', () => {
  it('are the sandbox on loopback where nothing is said', () => {
    expect(settingsOf({ PATH: '/bin', HTTP_PROXY: 'http://p' })).toMatchObject({
      sandbox: true,
      http: { listen: { host: '127.0.0.1', port: 8080 }, proxyProtocol: false, routes: [] },
      smpp: { listen: { host: '127.0.0.1', port: 2775 }, proxyProtocol: false, upstreams: [] },
      admin: { listen: { host: '127.0.0.1', port: 8081 } },
      dataDir: './data',
      logLevel: 'info',
      trustedProxies: [],
      sourceBudget: { limit: 3_000, windowMs: 900_000 },
      limits: {
        headerBytes: 16_384,
        bodyBytes: 65_536,
        headerTimeoutMs: 10_000,
        floorMs: 100,
        drainMs: 10_000,
      },
      assertion: { enabled: false },
    })
  })

  it('are read of the environment', () => {
    const settings = settingsOf({
      HTTP_LISTEN: '[::]:80',
      HTTP_TLS_CERT: '/c.pem',
      HTTP_TLS_KEY: '/k.pem',
      SMPP_LISTEN: '0.0.0.0:2775',
      SMPP_TLS_LISTEN: '0.0.0.0:3550',
      SMPP_TLS_CERT: '/c.pem',
      SMPP_TLS_KEY: '/k.pem',
      SMPP_TLS_CLIENT_CA: '/ca.pem',
      ADMIN_LISTEN: '10.0.0.1:0',
      HTTP_UPSTREAM: 'http://api:9000/base',
      SMPP_UPSTREAM: 'smpps://user:pass@smsc:3550',
      DATA_DIR: '/var/lib/sallyport',
      DATABASE_URL: 'postgres://u:p@db/sallyport',
      REDIS_URL: 'redis://:p@redis:6379',
      TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::/32',
      HTTP_PROXY_PROTOCOL: 'required',
      SMPP_PROXY_PROTOCOL: 'off',
      PUBLIC_URL: 'https://sally.example.com/',
      SMTP_URL: 'smtp://u:p@mail:587',
      MAIL_FROM: 'Sallyport <sally@example.com>',
      SUPPORT_EMAIL: 'support@example.com',
      SMS_URL: 'https://sms.example.com/',
      VOICE_URL: 'https://voice.example.com/',
      ADMIN_USERNAME: 'root',
      ADMIN_EMAIL: 'root@example.com',
      ADMIN_PASSWORD: 'correct horse battery',
      LOG_LEVEL: 'debug',
      SALLYPORT_CONFIG: '/etc/sallyport.json',
    })
    expect(settings).toMatchObject({
      sandbox: false,
      http: {
        listen: { host: '::', port: 80 },
        tls: { cert: '/c.pem', key: '/k.pem' },
        proxyProtocol: true,
        routes: [{ path: '/', upstreams: [{ origin: 'http://api:9000', basePath: '/base' }] }],
      },
      smpp: {
        tlsListen: { host: '0.0.0.0', port: 3550 },
        tls: { cert: '/c.pem', key: '/k.pem', clientCa: '/ca.pem' },
        proxyProtocol: false,
        upstreams: [
          {
            host: 'smsc',
            port: 3550,
            tls: true,
            credentials: { systemId: 'user', password: 'pass' },
          },
        ],
      },
      admin: { listen: { host: '10.0.0.1', port: 0 }, publicUrl: 'https://sally.example.com' },
      databaseUrl: 'postgres://u:p@db/sallyport',
      redis: { kind: 'single', url: 'redis://:p@redis:6379' },
      trustedProxies: [{ text: '10.0.0.0/8' }, { text: '2001:db8::/32' }],
      mail: {
        smtpUrl: 'smtp://u:p@mail:587',
        from: 'Sallyport <sally@example.com>',
        support: 'support@example.com',
      },
      messages: { sms: { kind: 'https' }, voice: { kind: 'https' } },
      firstAdmin: {
        username: 'root',
        email: 'root@example.com',
        password: 'correct horse battery',
      },
      logLevel: 'debug',
    })
  })

  it('are read of the file, with what only it can say', () => {
    const settings = settingsOf(
      {},
      {
        $schema: './settings.schema.json',
        httpListen: '127.0.0.1:0',
        routes: [
          {
            host: 'API.example.com',
            path: '/sms/%61',
            upstream: ['http://a:1', 'http://b:1'],
            permission: 'sms/send',
            stripPath: true,
            forwardAuthorization: true,
            timeoutMs: 5_000,
          },
        ],
        smppUpstreams: ['smpp://a:1', 'smpps://b:2'],
        redisSentinel: { name: 'main', sentinels: ['s1:26379', 's2:26379'], password: 'p' },
        sourceBudget: { limit: 10 },
        limits: { floorMs: 0 },
        upstreamLimits: { connections: 1 },
        hashing: { concurrency: 1 },
        caches: { users: 10 },
        assertion: { enabled: true },
      },
    )
    expect(settings).toMatchObject({
      sandbox: false,
      http: {
        listen: { port: 0 },
        routes: [
          {
            host: 'api.example.com',
            path: '/sms/a',
            upstreams: [{ origin: 'http://a:1' }, { origin: 'http://b:1' }],
            permission: 'sms/send',
            stripPath: true,
            forwardAuthorization: true,
            timeoutMs: 5_000,
          },
        ],
      },
      smpp: {
        upstreams: [
          { host: 'a', tls: false },
          { host: 'b', tls: true },
        ],
      },
      redis: {
        kind: 'sentinel',
        name: 'main',
        sentinels: [{ host: 's1', port: 26379 }, { host: 's2' }],
      },
      sourceBudget: { limit: 10, windowMs: 900_000 },
      limits: { floorMs: 0, drainMs: 10_000 },
      upstreamLimits: { connections: 1, waiting: 1_024 },
      hashing: { concurrency: 1, queue: 64 },
      caches: { users: 10, credentials: 50_000 },
      assertion: { enabled: true, lifetimeSeconds: 60 },
    })
  })

  it('are those of the environment where both speak', () => {
    expect(settingsOf({ LOG_LEVEL: 'error' }, { logLevel: 'debug' }).logLevel).toBe('error')
  })

  it('are those of the file where a variable is empty', () => {
    expect(settingsOf({ LOG_LEVEL: '' }, { logLevel: 'debug' }).logLevel).toBe('debug')
  })

  it('add the one upstream to the routes of the file', () => {
    const { http } = settingsOf(
      { HTTP_UPSTREAM: 'http://u' },
      { routes: [{ path: '/a', upstream: ['http://a'] }] },
    )
    expect(http.routes.map(({ path }) => path)).toEqual(['/a', '/'])
  })

  it('know a cluster', () => {
    const { redis } = settingsOf({}, { redisCluster: { nodes: ['a:1', 'b:1'] } })
    expect(redis).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 1 },
      ],
      tls: false,
    })
  })

  it('are no sandbox where one of the upstreams is named', () => {
    expect(settingsOf({ HTTP_UPSTREAM: 'http://u' })).toMatchObject({
      sandbox: false,
      smpp: { upstreams: [] },
    })
    expect(settingsOf({ SMPP_UPSTREAM: 'smpp://u:1' })).toMatchObject({
      sandbox: false,
      http: { routes: [] },
    })
  })
})

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

describe('a fault of the file', () => {
  const route = { path: '/a', upstream: ['http://a'] }

  it.each([
    ['an unknown key', { zz: 1 }, ['zz']],
    ['a key as in the environment', { HTTP_LISTEN: '127.0.0.1:1' }, ['HTTP_LISTEN']],
    ['a key of every object', { constructor: 1 }, ['constructor']],
    [
      'an unknown key of a route',
      { routes: [{ ...route, upstreams: [] }] },
      ['routes[0].upstreams'],
    ],
    ['an unknown limit', { limits: { bodyBites: 1 } }, ['limits.bodyBites']],
    ['a number for a text', { httpListen: 8080 }, ['httpListen']],
    ['null', { redisUrl: null }, ['redisUrl']],
    ['a text for a number', { limits: { floorMs: '100' } }, ['limits.floorMs']],
    ['half a number', { limits: { floorMs: 0.5 } }, ['limits.floorMs']],
    ['a number too large', { limits: { floorMs: 5_001 } }, ['limits.floorMs']],
    ['a list for a part', { limits: [] }, ['limits']],
    ['no routes', { routes: [] }, ['routes']],
    [
      'a route without upstreams',
      { routes: [{ path: '/a', upstream: [] }] },
      ['routes[0].upstream'],
    ],
    [
      'a route to nowhere',
      { routes: [{ path: '/a', upstream: ['http://a', 'x'] }] },
      ['routes[0].upstream[1]'],
    ],
    ['a route with a query', { routes: [{ ...route, path: '/a?b' }] }, ['routes[0].path']],
    ['a route of a host with a port', { routes: [{ ...route, host: 'h:80' }] }, ['routes[0].host']],
    [
      'a route with a wildcard permission',
      { routes: [{ ...route, permission: 'sms/*' }] },
      ['routes[0].permission'],
    ],
    ['a route twice', { routes: [route, { ...route, path: '/%61/' }] }, ['routes[1].path']],
    [
      'the root beside the one upstream',
      { httpUpstream: 'http://u', routes: [{ ...route, path: '/' }] },
      ['httpUpstream'],
    ],
    [
      'one and several SMSCs',
      { smppUpstream: 'smpp://a:1', smppUpstreams: ['smpp://b:1'] },
      ['smppUpstreams'],
    ],
    [
      'two kinds of Redis',
      { redisUrl: 'redis://h', redisCluster: { nodes: ['a:1'] } },
      ['redisCluster'],
    ],
    [
      'a sentinel without a name',
      { redisSentinel: { sentinels: ['a:1'] } },
      ['redisSentinel.name'],
    ],
  ])('names the place: %s', (_, file, names) => {
    expect(namesOf({}, file)).toEqual(names)
  })

  it.each([
    ['no JSON', '{"redisUrl": "redis://:hunter2@h",}'],
    ['a list', '[]'],
    ['nothing', ''],
  ])('names the file: %s', (_, text) => {
    const read = readSettings({}, { path: 'sallyport.json', text })
    expect(read).toMatchObject({ faults: [{ name: 'sallyport.json' }] })
    expect(JSON.stringify(read)).not.toContain('hunter2')
  })

  it('is none of a prototype', () => {
    const read = readSettings({}, { path: 'f', text: '{"__proto__": {"logLevel": "debug"}}' })
    expect(read).toMatchObject({ faults: [{ name: '__proto__' }] })
  })
})

it('never repeats a value, so no fault tells a secret', () => {
  const names = [
    'DATABASE_URL',
    'REDIS_URL',
    'SMPP_UPSTREAM',
    'SMTP_URL',
    'SMS_URL',
    'HTTP_UPSTREAM',
    'ADMIN_PASSWORD',
  ]
  const broken = fc.constantFrom(
    ...[
      'x://u:hunter2@h',
      'smpp://u:hunter2@h:x',
      'redis://:hunter2@',
      'http://u:hunter2@h:1',
      'hunter2\0',
    ],
  )
  fc.assert(
    fc.property(fc.constantFrom(...names), broken, fc.boolean(), (name, value, inFile) => {
      const camel = name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
      const read = inFile
        ? readSettings({}, json({ [camel]: value, limits: value }))
        : readSettings({ [name]: value })
      expect(read).toHaveProperty('faults')
      expect(JSON.stringify(read)).not.toContain('hunter2')
    }),
  )
})

it('is as the package shows it: the JSON Schema of the file', async () => {
  const written = JSON.stringify(settingsJsonSchema())
  const text = await format(written, { parser: 'json', printWidth: 100 })
  await expect(text).toMatchFileSnapshot('../../gateway/settings.schema.json')
})
