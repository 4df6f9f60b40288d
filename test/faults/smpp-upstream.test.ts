import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import { setSmppLimits } from '../../db/users.ts'
import { commands, GENERIC_NACK, statuses } from '../../gateway/smpp/constants.ts'
import { cutPdus, pdu, readPdu } from '../support/pdu.ts'
import { connectPeer } from '../support/raw-peer.ts'
import { answerAll, type Answer } from '../support/recording-smsc.ts'
import { bindAnswer } from '../support/scripted-smsc.ts'
import {
  bind,
  bindPdu,
  bound,
  refusalsOf,
  startSmppPair,
  unbind,
  until,
  type SmppPair,
} from '../support/smpp-pair.ts'

const { submit_sm, deliver_sm, outbind, enquire_link } = commands
const DEADLINE_MS = 1_000
/** What a loaded machine may add: less than the ten seconds of a deadline that is not ours. */
const SLACK_MS = 4_000

/** What the SMSC does with a bind whose system_type names it. */
const faults: Readonly<Record<string, Answer>> = {
  silent: () => [],
  unanswered: () => [],
  late: (request, { peer }) => {
    setTimeout(() => {
      peer.send(bindAnswer(request))
    }, DEADLINE_MS + 100)
    return []
  },
  closes: (_, { peer }) => {
    peer.socket.end()
    return []
  },
  resets: (_, { peer }) => {
    peer.socket.resetAndDestroy()
    return []
  },
  half: (request, { peer }) => {
    peer.socket.end(bindAnswer(request).subarray(0, 20))
    return []
  },
  dribbles: (request) => [bindAnswer(request).subarray(0, 20)],
  number: (request) => [pdu(0x80000009, readPdu(request).sequence + 1, 'far\0')],
  command: (request) => [pdu(0x80000002, readPdu(request).sequence, 'far\0')],
  submits: (request) => [pdu(0x80000004, readPdu(request).sequence, 'id\0')],
  nack: (request) => [
    pdu(GENERIC_NACK, readPdu(request).sequence, '', { status: statuses.ESME_RINVCMDID }),
  ],
  nackzero: () => [pdu(GENERIC_NACK, 0, '', { status: statuses.ESME_RINVCMDLEN })],
  unbinds: () => [pdu(commands.unbind, 1)],
  outbinds: () => [pdu(outbind, 1, 'far\0secret\0')],
  delivers: (request) => [pdu(deliver_sm, 1, 'text'), bindAnswer(request)],
  enquires: (request) => [pdu(enquire_link, 1), bindAnswer(request)],
  bare: (request) => [bindAnswer(request, { status: statuses.ESME_RBINDFAIL, body: '' })],
  body: (request) => [bindAnswer(request, { status: statuses.ESME_RALYBND })],
  throttles: (request) => [bindAnswer(request, { status: statuses.ESME_RTHROTTLED, body: '' })],
  short: () => [pdu(0x80000009, 1, '', { length: 4 })],
  huge: () => [pdu(0x80000009, 1, '', { length: 0x7fffffff })],
  http: () => [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
}

let pair: SmppPair

beforeAll(async () => {
  pair = await startSmppPair({
    file: { smppLimits: { upstreamBindMs: DEADLINE_MS } },
    answer: (request, from) => {
      const name = Object.keys(faults).find((each) => request.includes(`\0${each}\0`))
      return (faults[name ?? ''] ?? answerAll)(request, from)
    },
  })
  const { database, directory } = pair.gateway.core
  const userId = (await directory.find('alice'))?.user.id ?? ''
  const limits = { bindLimit: 1, bindTypes: null, submitRate: null }
  await transact(database, (tx) => setSmppLimits(tx, { actor, userId, ...limits }))
})
afterAll(() => pair.stop())

describe('J9 an SMSC that does not bind as it should: RSYSERR in time, and no place is lost', () => {
  test.each(Object.keys(faults))('it %s', async (fault) => {
    const { smppPort } = pair.gateway
    const began = performance.now()
    const { peer, octets } = await bind(smppPort, { body: { systemType: `${fault}\0` } })
    expect(octets).toEqual(pdu(0x80000009, 1, '', { status: statuses.ESME_RSYSERR }))
    expect(performance.now() - began).toBeLessThan(DEADLINE_MS + SLACK_MS)
    await peer.ended
    expect(peer.untaken()).toHaveLength(0)
    // The only place is free again at once, and nothing is left upstream.
    await unbind(await bound(smppPort))
    await until(() => pair.smsc.open() === 0)
  })

  test('twice: the second answer is dropped, and the session lives', async () => {
    const peer = await bound(pair.gateway.smppPort)
    const smsc = pair.smsc.recorded.at(-1)?.peer
    smsc?.send(pdu(0x80000009, 1, 'again\0'), pdu(enquire_link, 5))
    expect(readPdu(await peer.next())).toMatchObject({ commandId: enquire_link, sequence: 5 })
    await unbind(peer)
  })

  test.each(['end', 'resetAndDestroy'] as const)(
    'a client that is gone before the answer (%s) leaves nothing behind, and no refusal',
    async (how) => {
      const { smppPort } = pair.gateway
      const before = pair.smsc.recorded.length
      const as = { username: `gone-${how}`, password: 'gone-secret-01' }
      await pair.gateway.addUser(as)
      const peer = await connectPeer(smppPort)
      peer.send(bindPdu({ ...as, body: { systemType: 'silent\0' } }))
      await until(() => (pair.smsc.recorded[before]?.heard.length ?? 0) > 0)
      peer.socket[how]()
      await until(() => pair.smsc.open() === 0)
      await until(() => pair.gateway.core.live.size() === 0)
      expect(await refusalsOf(pair.gateway, as.username)).toEqual([])
    },
  )
})

describe('J9 an SMSC out of reach: RSYSERR in time', () => {
  /** Answers no connection: its queue is full and stays so. */
  const blackHole = async (): Promise<number> => {
    const script = `
      const server = require('node:net').createServer()
      server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        process.stdout.write(server.address().port + '\\n', () => { for (;;) ; })
      })`
    const child = spawn(process.execPath, ['-e', script])
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
    const port = Number(chunk.toString())
    const filling = Array.from({ length: 8 }, () => connect(port, '127.0.0.1'))
    onTestFinished(() => {
      for (const socket of filling) socket.on('error', () => undefined).destroy()
    })
    await Promise.all(filling.slice(0, 2).map((socket) => once(socket, 'connect')))
    return port
  }
  const closedPort = async (): Promise<number> => {
    const server = createServer()
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  test.each([
    ['a closed port', closedPort, 'upstream-unreachable'],
    ['a black hole', blackHole, 'upstream-timeout'],
  ])('%s', async (_, portOf, reason) => {
    const other = await startSmppPair({
      env: { SMPP_UPSTREAM: `smpp://127.0.0.1:${await portOf()}` },
      file: { smppLimits: { upstreamBindMs: DEADLINE_MS } },
    })
    onTestFinished(other.stop)
    const began = performance.now()
    const { octets, peer } = await bind(other.gateway.smppPort)
    expect(performance.now() - began).toBeLessThan(DEADLINE_MS + SLACK_MS)
    expect(octets).toEqual(pdu(0x80000009, 1, '', { status: statuses.ESME_RSYSERR }))
    await peer.ended
    expect(await refusalsOf(other.gateway)).toEqual([reason])
    expect(other.gateway.core.live.size()).toBe(0)
  })
})

describe('J10 an SMSC that is lost with ten submits in flight', () => {
  test.each(['end', 'resetAndDestroy'] as const)(
    'by %s: RSYSERR to each, then unbind, and nothing is sent again',
    async (how) => {
      const peer = await bound(pair.gateway.smppPort)
      const connections = pair.smsc.recorded.length
      const sent = pair.smsc.count(submit_sm)
      const sequences = Array.from({ length: 10 }, (_, at) => 50 + at)
      peer.send(...sequences.map((sequence) => pdu(submit_sm, sequence, '\0unanswered\0')))
      await until(() => pair.smsc.count(submit_sm) === sent + 10)
      const began = performance.now()
      pair.smsc.recorded.at(-1)?.peer.socket[how]()
      const answers = cutPdus(await peer.take(10 * 16)).pdus.map(readPdu)
      expect(answers.map(({ sequence }) => sequence).toSorted()).toEqual(sequences)
      for (const { commandId, status } of answers)
        expect([commandId, status]).toEqual([0x80000004, statuses.ESME_RSYSERR])
      const last = readPdu(await peer.next())
      expect(last).toMatchObject({ commandId: commands.unbind })
      peer.send(pdu(0x80000006, last.sequence))
      await peer.ended
      expect(performance.now() - began).toBeLessThan(SLACK_MS)
      expect(pair.smsc.count(submit_sm)).toBe(sent + 10)
      expect(pair.smsc.recorded).toHaveLength(connections)
      await unbind(await bound(pair.gateway.smppPort))
    },
  )
})
