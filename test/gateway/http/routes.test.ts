import { describe, expect, it } from 'vitest'
import { createMatchRoute, upstreamPath, type Route } from '../../../gateway/http/routes.ts'

const upstream = { origin: 'http://127.0.0.1:9000', basePath: '' }
const route = (path: string, more: Partial<Route> = {}): Route => ({
  path,
  upstreams: [upstream],
  stripPath: false,
  forwardAuthorization: false,
  ...more,
})

describe('the route of a request', () => {
  const root = route('/')
  const sms = route('/sms')
  const smsThree = route('/sms/3')
  const admin = route('/admin', { permission: 'ops/admin' })
  const special = route('/a!b')
  const ofHost = route('/', { host: 'voice.example.com' })
  const smsOfHost = route('/sms', { host: 'voice.example.com' })
  const match = createMatchRoute([root, sms, ofHost, smsThree, admin, special, smsOfHost])

  it.each([
    ['the root', 'h', '/', root],
    ['anything without a better one', 'h', '/x/y', root],
    ['the prefix itself', 'h', '/sms', sms],
    ['the prefix with a slash', 'h', '/sms/', sms],
    ['what is below', 'h', '/sms/2/x', sms],
    ['the longest prefix', 'h', '/sms/3/messages', smsThree],
    ['not half a segment', 'h', '/sms/30', sms],
    ['not a longer word', 'h', '/smsx', root],
    ['not another case', 'h', '/SMS', root],
    ['the one of the host', 'voice.example.com', '/x', ofHost],
    ['the one of the host, whatever the port', 'voice.example.com:8443', '/x', ofHost],
    ['the one of the host among equals', 'voice.example.com', '/sms/1', smsOfHost],
    ['a longer prefix of every host', 'voice.example.com', '/sms/3/x', smsThree],
    ['a permission that holds on every host', 'voice.example.com', '/admin/x', admin],
    ['what an encoded sub-delimiter stands for', 'h', '/a%21b/c', special],
  ])('is %s', (_, authority, path, expected) => {
    expect(match(authority, path)).toBe(expected)
  })

  it('is unknown where no prefix fits', () => {
    const only = createMatchRoute([route('/sms'), route('/', { host: 'a.example' })])
    expect(only('h', '/voice')).toBeUndefined()
    expect(only('h', '/')).toBeUndefined()
    expect(only('[::1]:80', '/sms')?.path).toBe('/sms')
  })

  it('is unknown for the asterisk and where there are no routes', () => {
    expect(match('h', '*')).toBeUndefined()
    expect(createMatchRoute([])('h', '/')).toBeUndefined()
  })

  it('does not depend on the order of the settings', () => {
    const reversed = createMatchRoute([smsOfHost, special, admin, smsThree, ofHost, sms, root])
    for (const path of ['/', '/sms', '/sms/3/x', '/admin', '/a!b'])
      for (const authority of ['h', 'voice.example.com'])
        expect(reversed(authority, path)).toBe(match(authority, path))
  })
})

describe('the path that goes up', () => {
  it.each([
    ['as it came', route('/sms'), '', '/sms/3', '/sms/3'],
    ['below the base path', route('/sms'), '/api', '/sms/3', '/api/sms/3'],
    ['without the prefix', route('/sms', { stripPath: true }), '', '/sms/3/x', '/3/x'],
    ['the root where nothing is left', route('/sms', { stripPath: true }), '', '/sms', '/'],
    ['the root where a slash is left', route('/sms', { stripPath: true }), '', '/sms/', '/'],
    ['without a prefix of two', route('/a/b', { stripPath: true }), '/api', '/a/b/c', '/api/c'],
    ['without a prefix that ends in a slash', route('/a/', { stripPath: true }), '', '/a/c', '/c'],
    ['whole where the prefix is the root', route('/', { stripPath: true }), '', '/a/b', '/a/b'],
    [
      'without a prefix in another spelling',
      route('/a!', { stripPath: true }),
      '',
      '/a%21/c',
      '/c',
    ],
  ])('is %s', (_, matched, basePath, path, expected) => {
    expect(upstreamPath(matched, { ...upstream, basePath }, path)).toBe(expected)
  })
})
