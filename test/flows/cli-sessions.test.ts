import { expect, onTestFinished, test } from 'vitest'
import { findEventsAfter } from '../../db/events.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { createSession } from '../../db/sessions.ts'
import { runCli } from '../support/cli.ts'
import { made } from '../support/database.ts'
import { startGateway } from '../support/gateway.ts'
import { startRecordingSmsc } from '../support/recording-smsc.ts'
import { bound, shortEnds } from '../support/smpp-pair.ts'

test('what is open is listed and ended from the command line, at a running gateway', async () => {
  const smsc = await startRecordingSmsc()
  const gateway = await startGateway({
    env: { HTTP_UPSTREAM: 'http://127.0.0.1:9', SMPP_UPSTREAM: `smpp://127.0.0.1:${smsc.port}` },
    file: { smppLimits: { end: shortEnds } },
    users: [{ username: 'alice', password: 'alice-secret-1' }, { username: 'bob' }],
  })
  onTestFinished(async () => {
    await gateway.stop()
    smsc.close()
  })
  const { core, dataDir, smppPort } = gateway
  const env = { DATA_DIR: dataDir }
  const bob = await core.directory.find('bob')
  const token = made(
    await transact(core.database, (tx) =>
      createSession(tx, {
        ...{ actor: systemActor, userId: bob?.user.id ?? '', kind: 'token', lifeMs: 60_000 },
        digest: 'd'.repeat(64),
      }),
    ),
  )
  const { socket } = await bound(smppPort, { username: 'alice', password: 'alice-secret-1' })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await core.liveLog.look()

  const list = await runCli(['sessions', 'list', '--json'], env)
  expect(list).toMatchObject({ code: 0, err: '' })
  const lines = list.out.trim().split('\n')
  const items = lines.map((line) => JSON.parse(line) as { id: string; kind: string })
  expect(items).toMatchObject([
    { id: token.id, kind: 'token', username: 'bob' },
    { kind: 'bind', username: 'alice', source: '127.0.0.1', target: 'bind_transceiver' },
  ])
  expect(list.out).not.toContain('dddd')
  const ofAlice = await runCli(['sessions', 'list', '--user', 'ALICE'], env)
  expect(ofAlice.out).toMatch(/^\S+ {2}bind +alice +127\.0\.0\.1 .*bind_transceiver/)

  for (const { id } of items)
    expect(await runCli(['sessions', 'end', id], env)).toMatchObject({
      ...{ code: 0, out: `${id} is ended\n` },
    })
  await closed
  expect((await runCli(['sessions', 'list'], env)).out).toBe('')
  const again = await runCli(['sessions', 'end', token.id], env)
  expect(again).toMatchObject({ code: 1, out: '' })
  expect(again.err).toMatch(/^nothing that is open has the id .*\n$/)
  const ended = (await findEventsAfter(core.database, 0, 1_000)).filter(
    ({ action }) => action === 'session.ended',
  )
  expect(ended.map(({ channel, username }) => [channel, username])).toEqual([
    ...[
      ['cli', 'bob'],
      ['cli', 'alice'],
    ],
  ])
  expect((await runCli(['sessions', 'list', '--user', 'nobody'], env)).code).toBe(1)
}, 60_000)
