import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { closeDatabase, openDatabase, transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { setApiAccess } from '../../db/users.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { createSystem } from '../../gateway/system.ts'
import { serveCli, type Served } from '../support/cli.ts'
import { cutPdus, pdu, readPdu } from '../support/pdu.ts'
import { connectPeer, type RawPeer } from '../support/raw-peer.ts'
import { answerAll, startRecordingSmsc, type RecordingSmsc } from '../support/recording-smsc.ts'
import { bindPdu, bound, until } from '../support/smpp-pair.ts'
import { alicesPassword, usedFolder } from '../support/used-folder.ts'

const { submit_sm, enquire_link, unbind } = commands
const as = { password: alicesPassword }

/** The data folder of a gateway whose alice may bind. */
const folderOfAlice = async (): Promise<string> => {
  const dataDir = await usedFolder()
  const database = await openDatabase({ file: join(dataDir, 'sallyport.db'), ...createSystem() })
  const alice = await findUserByName(database, 'alice')
  const change = { actor, userId: alice?.id ?? '', http: true, smpp: true }
  await transact(database, (tx) => setApiAccess(tx, change))
  await closeDatabase(database)
  return dataDir
}

/** An SMSC that is slow to answer messages called `slow`, and binds of the type `mute` never. */
const startSmsc = async (): Promise<RecordingSmsc> => {
  const smsc = await startRecordingSmsc((request, from) => {
    if (request.includes('mute')) return []
    if (!request.includes('slow')) return answerAll(request, from)
    setTimeout(() => {
      from.peer.send(...answerAll(request, from))
    }, 300)
    return []
  })
  onTestFinished(smsc.close)
  return smsc
}

const serve = async (smsc: RecordingSmsc): Promise<Served & { smppPort: number }> => {
  const served = await serveCli({
    HTTP_UPSTREAM: 'http://127.0.0.1:9',
    SMPP_UPSTREAM: `smpp://127.0.0.1:${smsc.port}`,
    DATA_DIR: await folderOfAlice(),
  })
  return { ...served, smppPort: Number(String(served.listening['smpp']).split(':').at(-1)) }
}

/** Answers an unbind of the gateway's, and what else it is asked; keeps what it was told. */
const live = async (peer: RawPeer): Promise<ReturnType<typeof readPdu>[]> => {
  const heard: ReturnType<typeof readPdu>[] = []
  for (;;) {
    const request = await peer.next().catch(() => undefined)
    if (request === undefined) return heard
    const read = readPdu(request)
    heard.push(read)
    if (read.commandId < 0x80000000) peer.send(pdu(read.commandId + 0x80000000, read.sequence))
  }
}

const heardBy = ({ recorded }: RecordingSmsc) =>
  recorded.map(({ heard }) => cutPdus(Buffer.concat(heard)).pdus.map(readPdu))

test('I9 SIGTERM lets answers through, unbinds both legs of every bind, and ends with 0', async () => {
  const smsc = await startSmsc()
  const gateway = await serve(smsc)
  const idle = await connectPeer(gateway.smppPort)
  const sessions = [await bound(gateway.smppPort, as), await bound(gateway.smppPort, as)]
  for (const peer of sessions) peer.send(pdu(submit_sm, 8, 'quick'), pdu(submit_sm, 9, 'slow'))
  for (const peer of sessions) expect(readPdu(await peer.next()).sequence).toBe(8)
  const binding = await connectPeer(gateway.smppPort)
  binding.send(bindPdu({ ...as, body: { systemType: 'mute\0' } }))
  await until(() => heardBy(smsc).length === 3 && heardBy(smsc)[2]?.length === 1)
  const logs = sessions.map(live)
  const ended = await gateway.end('SIGTERM')
  expect(ended).toMatchObject({ code: 0, signal: null })
  expect(ended.tookMs).toBeLessThan(8_000)
  for (const log of await Promise.all(logs)) {
    expect(log.map(({ commandId }) => commandId)).toEqual([0x80000004, unbind])
    expect(log[0]).toMatchObject({ sequence: 9, status: 0, body: 'id-9\0' })
  }
  for (const requests of heardBy(smsc).slice(0, 2))
    expect(requests.at(-1)).toMatchObject({ commandId: unbind, status: 0 })
  expect(await binding.next()).toEqual(pdu(0x80000009, 1, '', { status: statuses.ESME_RSYSERR }))
  await idle.ended
  expect(idle.untaken()).toHaveLength(0)
})

test('I9 SIGTERM waits neither for peers that are silent nor for one that never binds', async () => {
  const smsc = await startSmsc()
  const gateway = await serve(smsc)
  const silent = await bound(gateway.smppPort, as)
  silent.send(pdu(submit_sm, 2, 'mute'))
  await until(() => heardBy(smsc)[0]?.length === 2)
  const ending = gateway.end('SIGTERM')
  expect(readPdu(await silent.next())).toMatchObject({ commandId: unbind })
  silent.send(pdu(submit_sm, 3, 'late'), pdu(enquire_link, 4))
  const late = readPdu(await silent.next())
  expect(late).toMatchObject({ commandId: 0x80000004, sequence: 3, status: statuses.ESME_RSYSERR })
  const ended = await ending
  expect(ended).toMatchObject({ code: 0, signal: null })
  expect(ended.tookMs).toBeLessThan(10_000)
  expect(heardBy(smsc)[0]?.map(({ commandId }) => commandId)).toEqual([0x09, submit_sm, unbind])
})
