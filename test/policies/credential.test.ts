import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCredential } from '../../policies/credential.ts'

const base64 = (content: string | Buffer) => Buffer.from(content).toString('base64')
const basic = (content: string | Buffer) => readCredential([`Basic ${base64(content)}`])
const password = (username: string, secret: string | Buffer) => ({
  kind: 'password',
  username,
  secret: Buffer.from(secret),
})

describe('Basic', () => {
  it.each([
    ['a name and a secret', 'alice:secret', password('alice', 'secret')],
    ['a secret with colons', 'alice:a:b:', password('alice', 'a:b:')],
    ['an empty secret', 'alice:', password('alice', '')],
    ['a secret beyond ASCII', 'alice:pässwörd', password('alice', 'pässwörd')],
    ['a name beyond ASCII, for the rules to refuse', 'älice:x', password('älice', 'x')],
    ['a secret of 256 bytes', `a:${'x'.repeat(256)}`, password('a', 'x'.repeat(256))],
  ])('is read: %s', (_, content, expected) => {
    expect(basic(content)).toEqual(expected)
  })

  it.each([
    ['no colon (F6)', 'alice'],
    ['nothing', ''],
    ['a secret of 257 bytes (D1)', `a:${'x'.repeat(257)}`],
    ['a secret of 1 MB (D1)', `a:${'x'.repeat(1_000_000)}`],
    ['a name of 1 KiB', `${'a'.repeat(1024)}:x`],
    ['a NUL in the name', 'al\0ice:x'],
    ['a line feed in the name', 'alice\n:x'],
    ['DEL in the name', 'alice\x7f:x'],
    ['bytes that are not UTF-8 (D2)', Buffer.from('alice:pass\xff', 'latin1')],
    ['an overlong form', Buffer.from([0x61, 0x3a, 0xc0, 0xae])],
  ])('is malformed: %s', (_, content) => {
    expect(basic(content)).toEqual({ kind: 'malformed' })
  })

  it.each([
    ['without padding', 'YTpi'.slice(0, 3)],
    ['with too much padding', 'YTpiYw==='],
    ['with padding within', 'YTp=iYw='],
    ['with stray bits', 'YTpiYx=='],
    ['with the URL alphabet', base64('a:\u{fffff}?>').replaceAll('/', '_').replaceAll('+', '-')],
    ['with a space within', 'YTpi YTpi'],
    ['with a line feed', 'YTpi\nYTpi'],
    ['with other characters', 'YTpi!'],
    ['that is only padding', '===='],
  ])('is malformed: base64 %s (F6)', (_, encoded) => {
    expect(readCredential([`Basic ${encoded}`])).toEqual({ kind: 'malformed' })
  })

  it('gives back any name and secret, byte for byte, from one spelling only', () => {
    const name = fc.stringMatching(/^[!-9;-~]{3,64}$/)
    fc.assert(
      fc.property(name, fc.string({ unit: 'binary', maxLength: 60 }), (username, secret) => {
        expect(basic(`${username}:${secret}`)).toEqual(password(username, secret))
      }),
    )
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9+/]{0,12}={0,2}$/), (encoded) => {
        const credential = readCredential([`Basic ${encoded}`])
        if (credential.kind !== 'password') return
        const { username, secret } = credential
        const content = Buffer.concat([Buffer.from(`${username}:`), secret])
        expect(base64(content)).toBe(encoded)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('a credential', () => {
  const token = '0123456789abcdef-._~+/=='

  it.each([
    ['an API key', `App ${token}`, { kind: 'api-key', token }],
    ['a session token', `IBSSO ${token}`, { kind: 'session', token }],
    ['a bearer token', `Bearer ${token}`, { kind: 'bearer', token }],
    ['a scheme in another case', `bEARER ${token}`, { kind: 'bearer', token }],
    ['several spaces', `App   ${token}`, { kind: 'api-key', token }],
  ])('is read: %s', (_, line, expected) => {
    expect(readCredential([line])).toEqual(expected)
  })

  it('is absent without a line', () => {
    expect(readCredential([])).toEqual({ kind: 'absent' })
  })

  it.each([
    ['two lines (F5)', [`App ${token}`, `App ${token}`]],
    ['two lines, one empty', [`App ${token}`, '']],
    ['Basic with an API key (F5)', [`Basic ${base64('a:b')}, App ${token}`]],
    ['an API key with Basic (F5)', [`App ${token},Basic ${base64('a:b')}`]],
  ])('is ambiguous: %s', (_, lines) => {
    expect(readCredential(lines)).toEqual({ kind: 'ambiguous' })
  })

  it.each([
    ['an empty line', ''],
    ['a scheme alone', 'Basic'],
    ['a scheme and a space', 'App '],
    ['an unknown scheme (F6)', `Token ${token}`],
    ['an unknown scheme with parameters', 'Digest username="a", realm="b"'],
    ['a name of every object', `constructor ${token}`],
    ['a tab for a space', `App\t${token}`],
    ['a tab after the space', `App \t${token}`],
    ['a space before the scheme', ` App ${token}`],
    ['a token with a space', 'App abc def'],
    ['a token with a quote', 'App "abc"'],
    ['a token with padding within', 'App a=b'],
    ['a token beyond ASCII', 'App abcé'],
    ['a token too long', `App ${'x'.repeat(1025)}`],
  ])('is malformed: %s', (_, line) => {
    expect(readCredential([line])).toEqual({ kind: 'malformed' })
  })
})
