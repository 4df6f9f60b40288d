import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { UserRow } from '../../db/user-rows.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { startNodes, type Nodes } from '../support/nodes.ts'
import { cutPdus, pdu, readPdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { answerAll, type Recorded } from '../support/recording-smsc.ts'
import { withoutRedis } from '../support/redis.ts'
import {
  changePassword,
  disable,
  setSafelist,
  switchOff,
  type RightsChange,
} from '../support/rights.ts'
import { bind, bound, refusalsOf, until } from '../support/smpp-pair.ts'

const { submit_sm, unbind } = commands
const password = 'a-long-secret-1'
const refused = pdu(0x80000009, 1, '', { status: statuses.ESME_RBINDFAIL })
/** The SMSC takes so long for a message, and there is much time for it. */
const ANSWER_MS = 300
const end = { graceMs: 3_000, unbindMs: 5_000, closeMs: 500 }

describe.skipIf(withoutRedis)('J12 binds of one user on two nodes', () => {
  let nodes: Nodes
  let user: UserRow
  let bystanders: readonly RawPeer[]
  let users = 0

  beforeAll(async () => {
    nodes = await startNodes(2, {
      file: { smppLimits: { end } },
      users: [{ username: 'bystander', password }],
      answer: (request, from) => {
        if (request.includes('silent')) return []
        if (!request.includes('slow')) return answerAll(request, from)
        setTimeout(() => {
          from.peer.send(...answerAll(request, from))
        }, ANSWER_MS)
        return []
      },
    })
    const as = { username: 'bystander', password }
    bystanders = await Promise.all(nodes.gateways.map(({ smppPort }) => bound(smppPort, as)))
  })
  afterAll(() => nodes.stop())
  beforeEach(async () => {
    user = await nodes.at(0).addUser({ username: `user-${++users}`, password })
  })

  const asUser = (systemType = '') => ({
    ...{ username: user.username, password },
    body: { systemType: `${systemType}\0` },
  })
  const bindsAt = (place: number): Promise<RawPeer> => bound(nodes.at(place).smppPort, asUser())
  const lastLeg = (): Recorded => {
    const leg = nodes.smsc.recorded.at(-1)
    if (leg === undefined) throw new Error('nothing came')
    return leg
  }
  /** What a client hears until the close; it answers an unbind. */
  const heardBy = async (peer: RawPeer): Promise<ReturnType<typeof readPdu>[]> => {
    const heard: ReturnType<typeof readPdu>[] = []
    for (;;) {
      const octets = await peer.next().catch(() => undefined)
      if (octets === undefined) return heard
      const read = readPdu(octets)
      heard.push(read)
      if (read.commandId === unbind) peer.send(pdu(0x80000006, read.sequence))
    }
  }
  const isServed = async (peer: RawPeer): Promise<boolean> => {
    peer.send(pdu(submit_sm, 5, 'text'))
    return readPdu(await peer.next()).commandId === 0x80000004
  }

  const changes: readonly (readonly [string, string, RightsChange])[] = [
    ['a disabled user', 'user-disabled', disable],
    ['a new password', 'secret-wrong', changePassword],
    ['a safelist without the address', 'source-not-safelisted', setSafelist('203.0.113.0/24')],
    ['SMPP switched off', 'basic-not-allowed', switchOff('smpp')],
  ]
  test.each(changes)(
    'with open submits are answered, unbound on both legs and closed for %s, and not bound again: %s',
    async (_, reason, change) => {
      const before = nodes.smsc.recorded.length
      const peers = [await bindsAt(0), await bindsAt(0), await bindsAt(1)]
      const legs = nodes.smsc.recorded.slice(before)
      const sent = nodes.smsc.count(submit_sm)
      for (const peer of peers) peer.send(pdu(submit_sm, 11, 'slow'), pdu(submit_sm, 12, 'slow'))
      await until(() => nodes.smsc.count(submit_sm) === sent + 6)
      await change(nodes.at(0), user)
      for (const heard of await Promise.all(peers.map(heardBy)))
        expect(
          heard.map(({ commandId, sequence, status }) => [commandId, sequence, status]),
        ).toEqual([
          [0x80000004, 11, 0],
          [0x80000004, 12, 0],
          [unbind, expect.any(Number), 0],
        ])
      await until(() => legs.every(({ peer }) => peer.socket.destroyed))
      for (const { heard } of legs)
        expect(
          cutPdus(Buffer.concat(heard)).pdus.map((octets) => readPdu(octets).commandId),
        ).toEqual([commands.bind_transceiver, submit_sm, submit_sm, unbind])
      // Both write into one directory: a row of each.
      const reasons: string[] = []
      for (const gateway of nodes.gateways) {
        expect((await bind(gateway.smppPort, asUser())).octets).toEqual(refused)
        reasons.push(reason)
        expect(await refusalsOf(gateway, user.username)).toEqual(reasons)
      }
      for (const peer of bystanders) expect(await isServed(peer)).toBe(true)
    },
  )

  test('is refused when another node disables it while the password is being verified', async () => {
    const { core, smppPort } = nodes.at(1)
    const { verify } = core.hashing
    const [began, goOn] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
    Object.assign(core.hashing, {
      verify: async (...args: Parameters<typeof verify>) => {
        began.resolve(undefined)
        await goOn.promise
        return verify(...args)
      },
    })
    const before = nodes.smsc.recorded.length
    const answer = bind(smppPort, asUser())
    await began.promise
    await disable(nodes.at(0), user)
    await until(async () => (await core.directory.findById(user.id))?.user.enabled === false)
    Object.assign(core.hashing, { verify })
    goOn.resolve(undefined)
    expect((await answer).octets).toEqual(refused)
    expect(nodes.smsc.recorded).toHaveLength(before)
    expect(await refusalsOf(nodes.at(1), user.username)).toEqual(['user-disabled'])
  })

  test('is refused when another node disables it before the SMSC has answered', async () => {
    const before = nodes.smsc.recorded.length
    const answer = bind(nodes.at(1).smppPort, asUser('silent'))
    await until(() => (nodes.smsc.recorded[before]?.heard.length ?? 0) > 0)
    await disable(nodes.at(0), user)
    const { octets, peer } = await answer
    expect(octets).toEqual(refused)
    await peer.ended
    await until(() => lastLeg().peer.socket.destroyed)
    expect(await refusalsOf(nodes.at(1), user.username)).toEqual(['user-disabled'])
  })
})
