import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readTlsOptions, watchTls } from '../../gateway/tls.ts'
import { createCertificate } from '../support/certificate.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-tls-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const write = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const files = () => ({ cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') })
const writePair = (certificate = createCertificate('one')) => {
  write('cert.pem', certificate.cert)
  write('key.pem', certificate.key)
  return certificate
}

describe('reading', () => {
  it('is of a pair, with TLS 1.2 at the least', () => {
    const { cert, key } = writePair()
    expect(readTlsOptions(files(), 'HTTP_TLS')).toEqual({ cert, key, minVersion: 'TLSv1.2' })
  })

  it('demands certificates of clients where an authority is named', () => {
    writePair()
    const ca = createCertificate('authority').cert
    const options = readTlsOptions({ ...files(), clientCa: write('ca.pem', ca) }, 'HTTP_TLS')
    expect(options).toMatchObject({ ca, requestCert: true, rejectUnauthorized: true })
  })

  it.each([
    [
      'the certificate is missing',
      () => {
        rmSync(files().cert)
      },
      /^HTTP_TLS_CERT: cannot read .*cert\.pem \(ENOENT\)/,
    ],
    [
      'the key is missing',
      () => {
        rmSync(files().key)
      },
      /^HTTP_TLS_KEY: cannot read .*key\.pem \(ENOENT\)/,
    ],
    ['the certificate is none', () => write('cert.pem', 'x'), /cert\.pem holds no certificate/],
    ['the key is none', () => write('key.pem', 'x'), /key\.pem holds no unencrypted private key/],
    [
      'the key is another',
      () => write('key.pem', createCertificate('b').key),
      /^HTTP_TLS_KEY: .* is not the key of/,
    ],
  ])('fails by name where %s', (_, spoil, message) => {
    writePair()
    spoil()
    expect(() => readTlsOptions(files(), 'HTTP_TLS')).toThrow(message)
  })

  it('fails by name where the authority of clients is none', () => {
    writePair()
    const clientCa = write('ca.pem', 'x')
    expect(() => readTlsOptions({ ...files(), clientCa }, 'SMPP_TLS')).toThrow(
      /^SMPP_TLS_CLIENT_CA: .*ca\.pem holds no certificate/,
    )
  })
})

const start = async () => {
  const server = createServer(readTlsOptions(files(), 'HTTP_TLS'), (socket) =>
    socket.on('error', () => 0).pipe(socket),
  )
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  const dial = (options: ConnectionOptions = {}) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const given = { port, host: '127.0.0.1', rejectUnauthorized: false, ...options }
      const socket = connect(given, () => {
        resolve(socket)
      }).on('error', reject)
    })
  return { server, dial }
}
const nameOf = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN
const echo = (socket: TLSSocket, text: string) =>
  new Promise<string>((resolve) => {
    socket.once('data', (data: Buffer) => {
      resolve(data.toString())
    })
    socket.write(text)
  })

describe('a server', () => {
  it('refuses what is older than TLS 1.2', async () => {
    writePair()
    const { server, dial } = await start()
    await expect(dial({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow()
    const socket = await dial({ maxVersion: 'TLSv1.2' })
    expect(socket.getProtocol()).toBe('TLSv1.2')
    socket.destroy()
    server.close()
  })

  it('shows new connections the new certificate and keeps the old ones open', async () => {
    writePair()
    const { server, dial } = await start()
    const onReload = vi.fn()
    const stop = watchTls(server, files(), { owner: 'HTTP_TLS', intervalMs: 10, onReload })
    const before = await dial()
    expect(nameOf(before)).toBe('one')

    await vi.waitFor(() => {
      writePair(createCertificate('two'))
      expect(onReload).toHaveBeenCalledWith()
    })
    await vi.waitFor(async () => {
      const after = await dial()
      const name = nameOf(after)
      after.destroy()
      expect(name).toBe('two')
    })
    expect(await echo(before, 'still here')).toBe('still here')
    before.destroy()
    stop()
    server.close()
  })

  it('keeps the old certificate and tells where the new pair is broken', async () => {
    writePair()
    const { server, dial } = await start()
    const errors: string[] = []
    const onReload = (error?: Error) => {
      if (error) errors.push(error.message)
    }
    const stop = watchTls(server, files(), { owner: 'HTTP_TLS', intervalMs: 10, onReload })
    await vi.waitFor(() => {
      write('key.pem', createCertificate('two').key)
      expect(errors.join()).toMatch(/^HTTP_TLS_KEY: .* is not the key of/)
    })
    const socket = await dial()
    expect(nameOf(socket)).toBe('one')
    socket.destroy()
    stop()
    server.close()
  })
})
