import { describe, expect, it } from 'vitest'
import { isLoopback, parseEndpoint } from '../../gateway/endpoint.ts'

describe('an endpoint', () => {
  it.each([
    ['IPv4', '127.0.0.1:8080', '127.0.0.1', 8080],
    ['every address', '0.0.0.0:80', '0.0.0.0', 80],
    ['IPv6', '[::1]:8080', '::1', 8080],
    ['IPv6 in another spelling', '[0:0::0:1]:1', '::1', 1],
    ['mapped IPv4', '[::ffff:127.0.0.1]:1', '127.0.0.1', 1],
    ['a name', 'Localhost:65535', 'localhost', 65535],
    ['a name with an underscore', 'my_service.internal:1', 'my_service.internal', 1],
    ['a free port', '127.0.0.1:0', '127.0.0.1', 0],
  ])('is read: %s', (_, text, host, port) => {
    expect(parseEndpoint(text)).toEqual({ host, port })
  })

  it.each([
    ['no port', '127.0.0.1'],
    ['an empty port', '127.0.0.1:'],
    ['no host', ':8080'],
    ['an asterisk', '*:8080'],
    ['a port too high', '127.0.0.1:65536'],
    ['a port with a zero before', '127.0.0.1:080'],
    ['a signed port', '127.0.0.1:-1'],
    ['a short address', '127.1:80'],
    ['an octal address', '0177.0.0.1:80'],
    ['a hexadecimal address', '0x7f000001:80'],
    ['a number', '2130706433:80'],
    ['IPv6 without brackets', '::1:80'],
    ['IPv4 in brackets', '[127.0.0.1]:80'],
    ['a zone', '[fe80::1%eth0]:80'],
    ['a scheme', 'http://h:80'],
    ['a blank', ' h:80'],
    ['an empty label', 'a..b:80'],
    ['nothing', ''],
  ])('is none: %s', (_, text) => {
    expect(parseEndpoint(text)).toBeUndefined()
  })
})

it.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['localhost.example.com', false],
])('is loopback: %s → %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})
