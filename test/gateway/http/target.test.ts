import { describe, expect, it } from 'vitest'
import { readTarget } from '../../../gateway/http/target.ts'

const host = ['api.example.com']
const malformed = { fault: 'request-malformed' }
const read = (url: string, hostLines: readonly string[] = host, method = 'GET') =>
  readTarget(method, url, hostLines)
const path = (url: string) => {
  const target = read(url)
  return 'path' in target ? target.path : target.fault
}

describe('a path', () => {
  it.each([
    ['a plain one', '/sms/3/messages', '/sms/3/messages'],
    ['the root', '/', '/'],
    ['a trailing slash', '/sms/', '/sms/'],
    ['a dot within a segment', '/v1.2/a.json', '/v1.2/a.json'],
    ['a leading dot', '/.well-known/jwks.json', '/.well-known/jwks.json'],
    ['three dots', '/a/...', '/a/...'],
    ['sub-delimiters', "/a!$&'()*+,=:@b", "/a!$&'()*+,=:@b"],
    ['another case, which is another path (F1)', '/ADMIN/x', '/ADMIN/x'],
    ['an encoded letter, decoded', '/%61dmin/x', '/admin/x'],
    ['lower-case hex, in upper case', '/caf%c3%a9', '/caf%C3%A9'],
    ['an encoded space', '/a%20b', '/a%20b'],
    ['an encoded sub-delimiter, kept', '/a%21', '/a%21'],
    ['an encoded question mark, kept', '/a%3Fb', '/a%3Fb'],
    ['an encoded percent that starts nothing', '/100%25', '/100%25'],
    ['characters that URL parsers leave alone, encoded', '/a|b{c}', '/a%7Cb%7Bc%7D'],
  ])('passes: %s', (_, url, expected) => {
    expect(path(url)).toBe(expected)
  })

  it.each([
    ['an empty segment', '//admin/x'],
    ['an empty segment within', '/a//b'],
    ['an encoded slash', '/admin%2Fx'],
    ['an encoded slash in lower case', '/admin%2fx'],
    ['a backslash', '/admin\\x'],
    ['an encoded backslash', '/admin%5Cx'],
    ['a parameter', '/admin;a=b/x'],
    ['an encoded semicolon', '/admin%3Ba=b'],
    ['a NUL', '/admin%00/x'],
    ['a line feed', '/a%0d%0ax'],
    ['a C1 control', '/a%c2%85'],
    ['DEL', '/a%7f'],
    ['a dot segment', '/pub/./x'],
    ['a double-dot segment', '/pub/../admin'],
    ['a double-dot segment at the end', '/pub/..'],
    ['a dot segment at the start', '/.'],
    ['an encoded double-dot segment', '/pub/%2e%2e/admin/x'],
    ['a half encoded double-dot segment', '/pub/.%2E/admin'],
    ['a double-dot segment with a parameter', '/pub/..;/admin'],
    ['an overlong dot', '/%c0%ae%c0%ae/x'],
    ['an overlong slash', '/a%c0%afb'],
    ['an encoded surrogate', '/a%ed%a0%80'],
    ['half a character', '/a%c3'],
    ['a byte that is not UTF-8', '/a%ff'],
    ['a doubly encoded dot', '/pub/%252e%252e/x'],
    ['a doubly encoded dot, its digits encoded', '/pub/%25%32%65%25%32%65/x'],
    ['a doubly encoded slash', '/a%252Fb'],
    ['a trebly encoded dot', '/%25252e/x'],
    ['a full-width slash', '/a%EF%BC%8Fb'],
    ['full-width dots', '/%EF%BC%8E%EF%BC%8E/x'],
    ['a two-dot leader', '/%E2%80%A5/x'],
    ['a Greek question mark', '/a%CD%BEb'],
    ['a full-width percent', '/a%EF%BC%852e'],
    ['a bad escape (F2)', '/a%zz'],
    ['half an escape', '/a%4'],
    ['a lone percent', '/a%'],
    ['no slash first', 'admin'],
    ['nothing', ''],
    ['raw UTF-8', '/é'],
    ['a raw control', '/a\u0001'],
    ['a raw space', '/a b'],
    ['a fragment', '/a#b'],
  ])('is refused: %s', (_, url) => {
    expect(path(url)).toBe('request-malformed')
  })
})

describe('a target', () => {
  it.each([
    ['without a query', '/a', '/a', ''],
    ['with a query, byte for byte', '/a?x=%zz&y=|/../;', '/a', '?x=%zz&y=|/../;'],
    ['with an empty query', '/a?', '/a', '?'],
    ['with question marks in the query', '/a?b?c', '/a', '?b?c'],
    ['in absolute form', 'http://api.example.com/a?b', '/a', '?b'],
    ['in absolute form, in capitals', 'HTTP://API.example.COM/a', '/a', ''],
    ['in absolute form with the default port', 'http://api.example.com:80/a', '/a', ''],
    ['in absolute form without a path', 'http://api.example.com', '/', ''],
    ['in absolute form with a query alone', 'http://api.example.com?b', '/', '?b'],
  ])('passes %s', (_, url, expected, query) => {
    expect(read(url)).toEqual({ path: expected, query, host: 'api.example.com' })
  })

  it.each([
    ['another host', 'http://evil.example/a'],
    ['another port', 'http://api.example.com:8080/a'],
    ['the default port of another scheme', 'http://api.example.com:443/a'],
    ['user information', 'http://api.example.com@evil.example/a'],
    ['a user of our host', 'http://u@api.example.com/a'],
    ['another scheme', 'ftp://api.example.com/a'],
    ['no authority', 'http:///a'],
    ['a fragment', 'http://api.example.com/a#b'],
    ['a fragment instead of a path', 'http://api.example.com#b'],
    ['a backslash for a slash', 'http://api.example.com\\a'],
    ['dot segments', 'http://api.example.com/a/../b'],
  ])('is refused in absolute form with %s (F3)', (_, url) => {
    expect(read(url)).toEqual(malformed)
  })

  it.each([
    ['a raw control', '/a?\u0001'],
    ['raw UTF-8', '/a?é'],
    ['a fragment', '/a?b#c'],
  ])('is refused with %s in the query', (_, url) => {
    expect(read(url)).toEqual(malformed)
  })

  it('may be an asterisk for OPTIONS alone', () => {
    expect(read('*', host, 'OPTIONS')).toEqual({ path: '*', query: '', host: host[0] })
    expect(read('*')).toEqual(malformed)
  })

  it.each(['TRACE', 'CONNECT'])('is not allowed for %s, however it is written (F7)', (method) => {
    expect(read('/a', host, method)).toEqual({ fault: 'method-not-allowed' })
    expect(read('api.example.com:443', [], method)).toEqual({ fault: 'method-not-allowed' })
  })
})

describe('a host', () => {
  it.each([
    ['a name', 'api.example.com', 'api.example.com'],
    ['capitals', 'API.Example.com', 'api.example.com'],
    ['a port', 'localhost:8080', 'localhost:8080'],
    ['an underscore', 'my_service:80', 'my_service:80'],
    ['IPv4', '127.0.0.1:8080', '127.0.0.1:8080'],
    ['IPv6', '[::1]', '[::1]'],
    ['IPv6 with a port, in another spelling', '[2001:DB8:0:0::1]:8080', '[2001:db8::1]:8080'],
    ['mapped IPv4', '[::ffff:192.0.2.7]:80', '192.0.2.7:80'],
  ])('passes: %s', (_, line, expected) => {
    expect(read('/', [line])).toMatchObject({ host: expected })
  })

  it.each([
    ['absent', []],
    ['twice', ['api.example.com', 'api.example.com']],
    ['empty', ['']],
    ['with a comma', ['api.example.com, evil.example']],
    ['with user information', ['u@api.example.com']],
    ['with a path', ['api.example.com/a']],
    ['with an escape', ['api%2eexample.com']],
    ['with a trailing dot', ['api.example.com.']],
    ['with an empty label', ['api..example.com']],
    ['with an empty port', ['api.example.com:']],
    ['with a port of zero', ['api.example.com:0']],
    ['with a port too high', ['api.example.com:65536']],
    ['with a port too high after IPv6', ['[::1]:65536']],
    ['with a signed port', ['api.example.com:+80']],
    ['with IPv6 and no brackets', ['::1']],
    ['with IPv4 in brackets', ['[127.0.0.1]']],
    ['with a zone', ['[fe80::1%25eth0]']],
    ['with a space', ['api.example.com evil']],
    ['with raw UTF-8', ['äpi.example.com']],
    ['too long', [`${'a.'.repeat(130)}com`]],
  ])('is refused %s (F3)', (_, lines) => {
    expect(read('/', lines)).toEqual(malformed)
  })
})
