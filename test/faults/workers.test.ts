import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { statuses } from '../../gateway/smpp/constants.ts'
import { createCertificate } from '../support/certificate.ts'
import { runCli } from '../support/cli.ts'
import { temporaryFolder } from '../support/database.ts'
import { basic } from '../support/gateway.ts'
import { startRedisServer, withoutRedis } from '../support/redis.ts'
import { connectEsme } from '../support/smsc.ts'
import { usedFolder } from '../support/used-folder.ts'
import { ask, onEach, permits, processesWith, serveWorkers, until } from '../support/workers.ts'

const sandbox = () => ({ env: { HTTP_UPSTREAM: '', DATA_DIR: join(temporaryFolder(), 'data') } })
const basicOfSample = basic('alice', 'sandbox-alice-1')

const openTls = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket)
    })
    socket.on('error', reject)
  })

const upstream = { HTTP_UPSTREAM: 'http://127.0.0.1:9' }

test('workers without a Redis are a fault, told once and with all others', async () => {
  const env = { ...upstream, HTTP_LISTEN: 'x', DATA_DIR: '/nowhere/at/all' }
  const lines = [/^HTTP_LISTEN: must be/m, /^REDIS_URL: must be set: several workers count/m]
  for (const check of [[], ['--check']]) {
    const ran = await runCli(['serve', '--workers', '3', ...check], env)
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err.trimEnd().split('\n')).toHaveLength(lines.length)
    for (const line of lines) expect(ran.err).toMatch(line)
  }
  expect(await runCli(['serve', '--workers', '1', '--check'], upstream)).toMatchObject({ code: 0 })
  const auto = await runCli(['serve', '--workers', 'auto', '--check'], upstream)
  expect(auto.code).toBe(availableParallelism() > 1 ? 1 : 0)
})

test.each(['0', '-1', '1.5', 'many', '', '1025'])('%j workers are no command', async (count) => {
  const ran = await runCli(['serve', '--workers', count, '--check'], upstream)
  expect(ran).toMatchObject({ code: 2, out: '' })
})

describe.skipIf(withoutRedis)('a gateway of two workers', { timeout: 90_000 }, () => {
  test('says once where it listens, serves by both, and counts over both', async () => {
    const gateway = await serveWorkers()
    expect(gateway.logged('listening')).toEqual([
      expect.objectContaining({
        http: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
        smpp: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
        admin: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
        workers: 2,
      }),
    ])
    expect(gateway.pids()).toHaveLength(2)
    expect(gateway.processes()).toHaveLength(3)
    await onEach(gateway, async () => {
      for (let at = 0; at < 10; at++) expect(await ask(gateway.url)).toBe(200)
      for (const path of ['/healthz', '/readyz'])
        expect(await ask(gateway.adminUrl + path)).toBe(200)
    })
    expect(await permits(gateway)).toBe(20)
    // Also while one of them is stuck, which is then shown as it was.
    await onEach(gateway, async () => {
      expect(await permits(gateway)).toBe(20)
    })
    expect(await gateway.end('SIGTERM')).toMatchObject({ code: 0, signal: null, err: '' })
    expect(gateway.processes()).toEqual([])
  })

  test('is the sandbox too: advice once, calls and binds on every worker', async () => {
    const gateway = await serveWorkers(sandbox())
    expect(gateway.said.err.match(/sandbox is up/g)).toHaveLength(1)
    const port = Number(String(gateway.listening['smpp']).split(':')[1])
    await onEach(gateway, async () => {
      expect(await ask(gateway.url, basicOfSample)).toBe(200)
      const esme = connectEsme(port)
      const login = { system_id: 'alice', password: 'sandbox-alice-1' }
      expect(await esme.ask('bind_transceiver', login)).toMatchObject({ command_status: 0 })
      const message = { destination_addr: '41793026727', short_message: 'Hello' }
      expect(await esme.ask('submit_sm', message)).toMatchObject({ command_status: 0 })
      await esme.ask('unbind')
    })
    expect(await gateway.end('SIGTERM')).toMatchObject({ code: 0 })
  })

  test('counts wrong guesses over both, so that the next worker knows of the lock', async () => {
    const gateway = await serveWorkers()
    let guesses = 0
    await onEach(gateway, async () => {
      for (let at = 0; at < 3; at++)
        expect(await ask(gateway.url, basic('alice', `guess ${guesses++}`))).toBe(401)
    })
    await onEach(gateway, async () => {
      expect(await ask(gateway.url)).toBe(401)
    })
  })

  test('frees the places of the binds of one that is killed', async () => {
    const file = { smppLimits: { leaseMs: 2_000 } }
    const gateway = await serveWorkers({ ...sandbox(), file })
    const port = Number(String(gateway.listening['smpp']).split(':')[1])
    const bind = async (): Promise<number | undefined> => {
      const esme = connectEsme(port)
      const login = { system_id: 'alice', password: 'sandbox-alice-1' }
      return (await esme.ask('bind_transceiver', login)).command_status
    }
    const [victim, other] = gateway.pids()
    process.kill(Number(other), 'SIGSTOP')
    for (let at = 0; at < 4; at++) expect(await bind()).toBe(0)
    expect(await bind()).toBe(statuses.ESME_RBINDFAIL)
    process.kill(Number(victim), 'SIGKILL')
    process.kill(Number(other), 'SIGCONT')
    await until(bind).toBe(0)
  })

  test('loads a new certificate on every worker, and drops no connection for it', async () => {
    const folder = temporaryFolder()
    const files = { HTTP_TLS_CERT: join(folder, 'c.pem'), HTTP_TLS_KEY: join(folder, 'k.pem') }
    const install = (name: string): void => {
      const { cert, key } = createCertificate(name)
      writeFileSync(files.HTTP_TLS_KEY, key)
      writeFileSync(files.HTTP_TLS_CERT, cert)
    }
    install('first')
    const gateway = await serveWorkers({ env: files })
    const port = Number(gateway.url.split(':').at(-1))
    const shown = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
        socket.on('error', reject)
        socket.on('secureConnect', () => {
          resolve(String(socket.getPeerCertificate().subject.CN))
          socket.destroy()
        })
      })
    const old = await openTls(port)
    await onEach(gateway, async () => {
      expect(await shown()).toBe('first')
    })
    install('second')
    await onEach(gateway, () => until(shown).toBe('second'))
    expect(old.destroyed).toBe(false)
    old.destroy()
  })

  test('that cannot have its port: one clear line, 1, and nothing is left of it', async () => {
    const taken = createServer()
    onTestFinished(() => void taken.close())
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const at = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    const redis = await startRedisServer()
    onTestFinished(redis.stop)
    const dataDir = await usedFolder()
    const config = join(dataDir, 'settings.json')
    writeFileSync(config, '{}')
    const env = { ...upstream, REDIS_URL: redis.url, DATA_DIR: dataDir, SMPP_LISTEN: at }
    const ran = await runCli(['serve', '--workers', '2', '--config', config], env)
    expect(ran).toMatchObject({ code: 1, err: `SMPP_LISTEN ${at}: the port is in use\n` })
    expect(ran.out).not.toContain('"event":"listening"')
    expect(processesWith(config)).toEqual([])
  })
})
