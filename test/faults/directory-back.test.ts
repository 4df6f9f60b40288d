import { request as call, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { lastChange } from '../../db/changes.ts'
import { systemActor as actor } from '../../db/record.ts'
import { setUserEnabled } from '../../db/users.ts'
import { sqliteOf } from '../support/database.ts'
import { basic } from '../support/gateway.ts'
import { startPair } from '../support/pair.ts'
import { until } from '../support/smpp-pair.ts'

const username = 'dora'
const password = 'a-long-secret-1'

test('a directory that goes back is in force as it is then, and so is what changes in it', async () => {
  const pair = await startPair({
    listener: ({ url }, outgoing) => {
      if (url === '/stream') outgoing.write('x')
      else outgoing.end('ok')
    },
  })
  try {
    const { gateway } = pair
    const { database } = gateway.core
    const headers = { authorization: basic(username, password) }
    const statusOf = async (): Promise<number> => (await fetch(gateway.url, { headers })).status
    const isSeen = (status: number): Promise<void> =>
      until(async () => (await statusOf()) === status)

    const { id } = await gateway.addUser({ username, password })
    const setEnabled = (enabled: boolean): Promise<unknown> =>
      transact(database, (tx) => setUserEnabled(tx, { actor, userId: id, enabled }))
    await setEnabled(false)
    const before = await lastChange(database)
    await setEnabled(true)
    await isSeen(200)
    const outgoing = call(`${gateway.url}/stream`, { headers }).end()
    outgoing.on('error', () => undefined)
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect(incoming.statusCode).toBe(200)
    const cut = new Promise((resolve) => incoming.on('error', resolve).on('end', resolve).resume())

    // As a copy has it that was made before.
    sqliteOf(database).connections.writer.exec(
      `delete from changes where seq > ${before};
       update sqlite_sequence set seq = ${before} where name = 'changes';
       update users set enabled = 0 where id = '${id}'`,
    )
    await isSeen(401)
    await cut
    await setEnabled(true)
    await isSeen(200)
    expect(gateway.core.feed.age()).toBeLessThan(10_000)
  } finally {
    await pair.stop()
  }
})
