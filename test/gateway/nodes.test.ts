import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { findNodes } from '../../db/nodes.ts'
import { sqliteOf } from '../support/database.ts'
import { startGateway, type TestGateway, type TestOptions } from '../support/gateway.ts'

const open = async (options: TestOptions = {}): Promise<TestGateway> => {
  const gateway = await startGateway(options)
  onTestFinished(() => gateway.stop())
  return gateway
}

const metricsOf = async ({ adminUrl }: TestGateway): Promise<string> =>
  (await fetch(`${adminUrl}/metrics`)).text()

test('a gateway is a node from its start to its end, with its name and version', async () => {
  const first = await open()
  const second = await open({ dataDir: first.dataDir, file: { nodeName: 'north' } })
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  const nodes = await findNodes(first.core.database)
  const north = nodes.find(({ name }) => name === 'north')
  const other = nodes.find(({ name }) => name !== 'north')
  expect(north).toMatchObject({ name: 'north', version, degraded: false })
  expect(other).toMatchObject({ name: `${hostname()}:${process.pid}`, version, degraded: false })
  expect(second.core.liveNodes()).toBe(2)
  expect(await metricsOf(second)).toContain('\nsallyport_nodes 2\n')
  const shown = new RegExp(
    `^sallyport_node_policy_age_seconds{node="(\\S+)",version="${version}"} [\\d.]+$`,
    'gm',
  )
  const names = [...(await metricsOf(second)).matchAll(shown)].map(([, name]) => name)
  expect(names.toSorted()).toEqual([`${hostname()}:${process.pid}`, 'north'].toSorted())
  expect(await metricsOf(second)).toMatch(/^sallyport_policy_age_seconds [\d.]+$/m)
  await second.stop()
  expect(await findNodes(first.core.database)).toHaveLength(1)
})

test('a gateway is not ready once a newer version has changed the schema', async () => {
  const { adminUrl, core } = await open()
  const readiness = async (): Promise<unknown> => (await fetch(`${adminUrl}/readyz`)).json()
  expect(await readiness()).toEqual({ status: 'ok' })
  sqliteOf(core.database).connections.writer.exec(
    "insert into __drizzle_migrations (hash, created_at) values ('newer', 1)",
  )
  await expect
    .poll(readiness, { timeout: 20_000 })
    .toMatchObject({ missing: { schema: 'a newer version has changed it' } })
})

test('a name that is none is a fault of the settings', async () => {
  await expect(startGateway({ file: { nodeName: 'a\nb' } })).rejects.toThrow('nodeName')
})
