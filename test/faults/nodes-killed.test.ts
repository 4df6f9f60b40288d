import { describe, expect, test } from 'vitest'
import { basic } from '../support/gateway.ts'
import { password, startNodeProcesses, type NodeProcesses } from '../support/node-processes.ts'
import { withoutPostgresPrograms } from '../support/postgres-server.ts'
import { withoutRedis } from '../support/redis.ts'
import type { Esme } from '../support/smsc.ts'
import { startSteadyLoad, type SteadyLoad } from '../support/steady-load.ts'

const patient = { timeout: 60_000, interval: 50 }
const places = [0, 1, 2] as const

const callers = ['caller-0', 'caller-1', 'caller-2']

const startLoad = ({ urlOf, isDown }: NodeProcesses): SteadyLoad =>
  startSteadyLoad({
    ...{ urlOf, isDown, places: places.length, everyMs: 10 },
    authorizations: callers.map((name) => basic(name, password)),
  })

/** Every request was answered in the end; whose connection broke, its node was down. */
const expectNoneLost = ({ sent }: SteadyLoad, { upstream }: NodeProcesses): void => {
  expect(sent.filter(({ status }) => status !== 200)).toEqual([])
  expect(sent.flatMap(({ broken }) => broken).filter(({ wasDown }) => !wasDown)).toEqual([])
  const seen = new Map<string, number>()
  for (const { url } of upstream.seen) seen.set(url, (seen.get(url) ?? 0) + 1)
  const timesOf = (id: number): number => seen.get(`/request/${id}`) ?? 0
  // What was in flight on the node may have been answered when it was killed; nothing else is sent twice.
  const wrong = sent.filter(({ id, broken }) => timesOf(id) < 1 || timesOf(id) > 1 + broken.length)
  expect(wrong).toEqual([])
}

const isBound = async ({ ask }: Esme): Promise<boolean> =>
  (await ask('enquire_link')).command_status === 0

const lockOut = async (nodes: NodeProcesses, place: number, name: string): Promise<void> => {
  for (let guess = 0; guess < 5; guess++)
    expect(await nodes.call(place, name, `wrong ${guess}`)).toBe(401)
}

describe.skipIf(withoutRedis || withoutPostgresPrograms)('three processes on one directory', () => {
  test('lose no request, lock, place or change when each is killed in turn', async () => {
    const ofPlace = (name: string): string[] => places.map((place) => `${name}-${place}`)
    const users = ['locked', 'changed', 'bound', 'stays'].flatMap(ofPlace)
    const nodes = await startNodeProcesses(places.length, [...callers, ...users])
    for (const place of places)
      for (const name of [...callers, ...ofPlace('changed')])
        expect(await nodes.call(place, name)).toBe(200)
    const load = startLoad(nodes)

    for (const place of places) {
      const others = places.filter((it) => it !== place)
      const [other = 0] = others
      for (let taken = 0; taken < 4; taken++)
        expect((await nodes.bind(place, `bound-${place}`)).status).toBe(0)
      expect((await nodes.bind(other, `bound-${place}`)).status).toBe(0x0d)
      const stays = await nodes.bind(other, `stays-${place}`)
      await lockOut(nodes, place, `locked-${place}`)
      expect(await nodes.disable(place, `changed-${place}`)).toBe(200)
      await nodes.kill(place)

      for (const it of others) {
        expect(await nodes.call(it, `locked-${place}`)).toBe(401)
        await expect.poll(() => nodes.call(it, `changed-${place}`), patient).toBe(401)
      }
      expect(await isBound(stays.esme)).toBe(true)
      const bindAgain = async (): Promise<number | undefined> =>
        (await nodes.bind(other, `bound-${place}`)).status
      await expect.poll(bindAgain, patient).toBe(0)
      for (let taken = 1; taken < 4; taken++) expect(await bindAgain()).toBe(0)
      expect(await bindAgain()).toBe(0x0d)

      await nodes.restart(place)
      expect(await nodes.call(place, `locked-${place}`)).toBe(401)
      expect(await nodes.call(place, `changed-${place}`)).toBe(401)
      expect(await nodes.call(place, callers[0] ?? '')).toBe(200)
    }
    await load.stop()
    expect(load.sent.some(({ broken }) => broken.length > 0)).toBe(true)
    expectNoneLost(load, nodes)
  }, 240_000)

  test('go on by what they know while PostgreSQL is down, and need no restart', async () => {
    const users = ['locked', 'changed', 'later', 'bound', 'unknown']
    const nodes = await startNodeProcesses(places.length, [...callers, ...users])
    for (const place of places)
      for (const name of [...callers, 'changed', 'later', 'locked'])
        expect(await nodes.call(place, name)).toBe(200)
    await lockOut(nodes, 0, 'locked')
    const bound = await nodes.bind(1, 'bound')
    expect(bound.status).toBe(0)
    const load = startLoad(nodes)
    expect(await nodes.disable(2, 'changed')).toBe(200)
    await nodes.postgres.kill()

    for (const place of places) {
      expect(await nodes.call(place, callers[0] ?? '')).toBe(200)
      // Its lock is news, so a node that has not asked for the user since knows nobody by that name.
      expect([401, 503]).toContain(await nodes.call(place, 'locked'))
      expect(await nodes.call(place, 'unknown')).toBe(503)
      expect(await nodes.disable(place, 'later')).toBe(503)
      expect(await nodes.call(place, 'later')).toBe(200)
    }
    expect(await isBound(bound.esme)).toBe(true)
    await expect
      .poll(() => nodes.metric(0, 'sallyport_policy_age_seconds'), patient)
      .toBeGreaterThan(2)

    await nodes.postgres.restart()
    for (const place of places) {
      await expect.poll(() => nodes.call(place, 'unknown'), patient).toBe(200)
      await expect.poll(() => nodes.call(place, 'changed'), patient).toBe(401)
      expect(await nodes.call(place, 'locked')).toBe(401)
    }
    await expect.poll(() => nodes.disable(0, 'later'), patient).toBe(200)
    for (const place of places)
      await expect.poll(() => nodes.call(place, 'later'), patient).toBe(401)
    expect(await isBound(bound.esme)).toBe(true)
    await load.stop()
    expectNoneLost(load, nodes)
  }, 240_000)
})
