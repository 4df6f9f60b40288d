import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCertificate, type Certificate } from '../support/certificate.ts'
import { runCli, serveCli } from '../support/cli.ts'
import { temporaryFolder } from '../support/database.ts'
import { basic, startGateway } from '../support/gateway.ts'
import { startRecordingSmsc } from '../support/recording-smsc.ts'
import { freePort, startRedisServer, withoutRedis } from '../support/redis.ts'
import { connectEsme } from '../support/smsc.ts'

const password = 'the-right-secret'

const startHttps = async ({ cert, key }: Certificate): Promise<number> => {
  const server = createServer({ cert, key }, (_, outgoing) => outgoing.end('answered'))
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const startRedisOverTls = async (folder: string, { cert, key }: Certificate): Promise<number> => {
  const files = { cert: join(folder, 'redis.pem'), key: join(folder, 'redis.key') }
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key)
  const port = await freePort()
  const redis = await startRedisServer([
    ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', files.cert, '--tls-key-file', files.key],
    ...['--tls-ca-cert-file', files.cert],
  ])
  onTestFinished(redis.stop)
  return port
}

/** A directory with alice, and all that is behind the gateway, over TLS. */
const openWorld = async () => {
  const dataDir = temporaryFolder()
  const before = await startGateway({ dataDir, env: { HTTP_UPSTREAM: 'http://127.0.0.1:9' } })
  await before.addUser({ username: 'alice', password })
  await before.stop()
  const authority = createCertificate('authority')
  const certificate = createCertificate('localhost', authority)
  const smsc = await startRecordingSmsc(undefined, certificate)
  onTestFinished(smsc.close)
  const authorities = join(temporaryFolder(), 'authority.pem')
  writeFileSync(authorities, authority.cert)
  const env = {
    DATA_DIR: dataDir,
    HTTP_UPSTREAM: `https://localhost:${await startHttps(certificate)}`,
    SMPP_UPSTREAM: `smpps://127.0.0.1:${smsc.port}`,
    REDIS_URL: `rediss://127.0.0.1:${await startRedisOverTls(temporaryFolder(), certificate)}`,
  }
  return { env, extra: { NODE_EXTRA_CA_CERTS: authorities } }
}

describe.skipIf(withoutRedis)('an authority of one’s own, named to Node', () => {
  test('is believed of the upstreams and of Redis', async () => {
    const { env, extra } = await openWorld()
    const gateway = await serveCli({ ...env, ...extra })
    const headers = { authorization: basic('alice', password) }
    const response = await fetch(gateway.url, { headers })
    expect([response.status, await response.text()]).toEqual([200, 'answered'])
    const esme = connectEsme(Number(String(gateway.listening['smpp']).split(':')[1]))
    const login = { system_id: 'alice', password }
    expect((await esme.ask('bind_transceiver', login)).command_status).toBe(0)
  })

  test('is not believed of them when it is not named', async () => {
    const { env } = await openWorld()
    const { code, err } = await runCli(['serve'], env)
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^REDIS_URL: .* certificate that is not/),
    ])
    const gateway = await serveCli({ ...env, REDIS_URL: '' })
    const headers = { authorization: basic('alice', password) }
    expect((await fetch(gateway.url, { headers })).status).toBe(502)
    const esme = connectEsme(Number(String(gateway.listening['smpp']).split(':')[1]))
    const login = { system_id: 'alice', password }
    expect((await esme.ask('bind_transceiver', login)).command_status).toBe(8)
  })
})
