import { describe, expect, it } from 'vitest'
import { settingsOf } from '../support/settings.ts'

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
