import fc from 'fast-check'
import { format } from 'prettier'
import { describe, expect, it } from 'vitest'
import { readSettings, settingsJsonSchema } from '../../gateway/settings.ts'
import { json, namesOf } from '../support/settings.ts'

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
    [
      'one source that may take more than half of the places',
      { smppLimits: { unbound: 100, unboundPerSource: 51 } },
      ['smppLimits.unboundPerSource'],
    ],
    [
      'fewer places than two of what one source may take',
      { smppLimits: { unbound: 1_999 } },
      ['smppLimits.unboundPerSource'],
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
