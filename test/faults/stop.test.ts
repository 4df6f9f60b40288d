import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { serveCli, type Served } from '../support/cli.ts'
import { basic } from '../support/gateway.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'
import { alicesPassword, usedFolder } from '../support/used-folder.ts'

/** Waits for what runs for eight tenths of it. */
const drainMs = 2_000

/** A gateway before an upstream that answers `/slow` after half a second, and others never. */
const serve = async (): Promise<Served & { dataDir: string; seen: TestUpstream['seen'] }> => {
  const upstream = await startUpstream(({ url }, outgoing) => {
    if (url === '/slow') setTimeout(() => outgoing.end('slow'), 500)
  })
  onTestFinished(upstream.stop)
  const dataDir = await usedFolder()
  const config = join(dataDir, 'settings.json')
  writeFileSync(config, JSON.stringify({ limits: { drainMs } }))
  const served = await serveCli({ HTTP_UPSTREAM: upstream.url, DATA_DIR: dataDir }, [
    '--config',
    config,
  ])
  return { ...served, dataDir, seen: upstream.seen }
}

const call = async ({ url }: Served, path: string): Promise<number | 'cut'> => {
  try {
    const headers = { authorization: basic('alice', alicesPassword) }
    const response = await fetch(url + path, { headers })
    await response.text()
    return response.status
  } catch {
    return 'cut'
  }
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends an idle gateway at once, with 0',
  async (signal) => {
    const gateway = await serve()
    const ended = await gateway.end(signal)
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.tookMs).toBeLessThan(1_500)
    expect(ended.out).toContain('"event":"stopping"')
  },
)

test('SIGTERM lets what runs come to its end, cuts what has none, and ends with 0', async () => {
  const gateway = await serve()
  const slow = call(gateway, '/slow')
  const hanging = call(gateway, '/never')
  await expect.poll(() => gateway.seen.length).toBe(2)
  // Some parents send each signal twice.
  gateway.child.kill('SIGTERM')
  const ended = await gateway.end('SIGTERM')
  expect(await slow).toBe(200)
  expect(await hanging).not.toBe(200)
  expect(ended).toMatchObject({ code: 0, signal: null })
  expect(ended.tookMs).toBeGreaterThan(drainMs * 0.8 - 100)
  expect(ended.tookMs).toBeLessThan(drainMs)
})

test('npm start hands SIGTERM on, and ends with 0 when the gateway has', async () => {
  const env = { HTTP_UPSTREAM: 'http://127.0.0.1:9', DATA_DIR: await usedFolder() }
  const started = await serveCli(env, [], ['npm', 'start', '--silent'])
  expect(await started.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
  expect(started.said.out).toContain('"event":"stopping"')
  expect(await call(started, '/')).toBe('cut')
})

test('a lock that was answered outlives the process being killed', async () => {
  const gateway = await serve()
  for (let at = 0; at < 5; at++) {
    const headers = { authorization: basic('alice', `guess ${at}`) }
    expect((await fetch(gateway.url, { headers })).status).toBe(401)
  }
  expect(await gateway.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' })
  const again = await serveCli({ HTTP_UPSTREAM: 'http://127.0.0.1:9', DATA_DIR: gateway.dataDir })
  expect(await call(again, '/')).toBe(401)
  expect((await again.end('SIGTERM')).code).toBe(0)
})
