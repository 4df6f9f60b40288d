import { expect, onTestFinished, test } from 'vitest'
import { basic, startGateway } from '../support/gateway.ts'
import { sqliteOf } from '../support/database.ts'
import { until } from '../support/smpp-pair.ts'

test('a lock that cannot be written down holds, and is not logged as a decision that failed', async () => {
  const gateway = await startGateway({
    users: [{ username: 'acme', password: 'the-right-secret' }],
    file: { limits: { floorMs: 0 } },
  })
  onTestFinished(gateway.stop)
  sqliteOf(gateway.core.database).connections.writer.exec(
    "create trigger locks_refuse before insert on locks begin select raise(abort, 'no'); end",
  )
  const call = async (password: string): Promise<number> =>
    (await fetch(gateway.url, { headers: { authorization: basic('acme', password) } })).status
  for (let guess = 0; guess < 5; guess++) expect(await call(`wrong ${guess}`)).toBe(401)
  expect(await call('the-right-secret')).toBe(401)
  await until(() => gateway.logged.some((line) => line.includes('a lock could not be written')))
  expect(gateway.logged.filter((line) => line.includes('a decision failed'))).toEqual([])
})
