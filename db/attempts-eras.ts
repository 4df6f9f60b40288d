import { hash } from 'node:crypto'
import { RedisFailure } from './redis-failures.ts'
import type { GuardedRedis } from './redis-guard.ts'
import { createScript } from './redis.ts'
import { createToken, type Random } from './secrets.ts'

/** As many places in a cluster may be lost one by one. */
const groups = Array.from({ length: 16 }, (_, at) => String(at))

/** Users of one group stand in one place of a cluster, beside the era of that group. */
export const groupOf = (userKey: string): string =>
  groups[hash('sha1', userKey, 'buffer').readUInt8() % groups.length] ?? '0'

export const eraKeyOf = (redis: Pick<GuardedRedis, 'key'>, userKey: string): string =>
  redis.key('era', groupOf(userKey))

/** Redis does not hold what it held in the era in which it was asked. */
export class EraIsOver extends RedisFailure {
  constructor() {
    super('has lost what it held')
  }
}

/** Not all nodes have told yet what they know. */
export class EraIsNotWhole extends RedisFailure {
  constructor() {
    super('has lost what it held, and not all nodes have told it again')
  }
}

/**
 * Redis may come back empty. An era begins where none is found, and is whole when all nodes have
 * told Redis what they know; until then nobody knows what was counted, and each node is on its own.
 */
export type Eras = {
  /** The era that a user's buckets are in; rejects with an EraIsNotWhole until it is whole. */
  readonly enter: (userKey: string) => Promise<string>
  readonly isWhole: (userKey: string) => boolean
  /** It was found to be over. */
  readonly isOver: (userKey: string) => void
  /** Finds eras that are over though nobody asked about a user, and tells what is not told yet. */
  readonly look: () => Promise<void>
  /** Tells the last of it; nobody is to wait for this node. */
  readonly leave: () => Promise<void>
}

export type ErasOptions = {
  readonly redis: Pick<GuardedRedis, 'key' | 'run'>
  readonly random: Random
  readonly nodes: () => number
  /** Of whom this process knows anything. */
  readonly users: () => readonly string[]
  /** Tells Redis what this process knows of a user, whatever Redis may know. */
  readonly tell: (userKey: string, era: string) => Promise<void>
}

/** After so long what a node has not told is in no open window any more (ms). */
const LONGEST_MS = 900_000

/** A node that did not say for so long that it has told all is not counted (ms). */
const SILENT_MS = 5_000

const KEPT_MS = 86_400_000

/** So many users are waited for; more are told of while each node is on its own. */
const few = 32

const eraScript = createScript(`
local fresh, node, told = ARGV[1], ARGV[2], ARGV[3]
local nodes, longest, silent, kept =
  tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local era = redis.call('HGET', KEYS[1], 'id')
if not era then
  era = fresh
  redis.call('HSET', KEYS[1], 'id', era, 'since', now)
end
redis.call('PEXPIRE', KEYS[1], kept)
if redis.call('HEXISTS', KEYS[1], 'whole') == 1 then return {era, 1} end
if told == era then redis.call('HSET', KEYS[1], 'node ' .. node, now) end
local fields, count = redis.call('HGETALL', KEYS[1]), 0
local since = 0
for at = 1, #fields, 2 do
  local value = tonumber(fields[at + 1])
  if fields[at] == 'since' then since = value end
  if string.sub(fields[at], 1, 5) == 'node ' and value > now - silent then count = count + 1 end
end
if count < nodes and now - since < longest then return {era, 0} end
redis.call('HSET', KEYS[1], 'whole', 1)
return {era, 1}`)

const leaveScript = createScript(`return redis.call('HDEL', KEYS[1], 'node ' .. ARGV[1])`)

type Era = { readonly id: string; readonly isWhole: boolean }

const ignoreFailure = (error: unknown): void => {
  if (!(error instanceof RedisFailure)) throw error
}

export const createEras = ({ redis, random, nodes, users, tell }: ErasOptions): Eras => {
  const node = createToken(random, 16)
  const eras = new Map<string, Era>()
  /** The era in which this node has told all that it knew when it heard of it. */
  const told = new Map<string, string>()
  const telling = new Map<string, Promise<void>>()
  const joining = new Map<string, Promise<void>>()

  const ask = async (group: string): Promise<Era> => {
    const answer = await redis.run(
      eraScript,
      [redis.key('era', group)],
      [createToken(random, 16), node, told.get(group) ?? ''].concat(
        [nodes(), LONGEST_MS, SILENT_MS, KEPT_MS].map(String),
      ),
    )
    const [id, isWhole] = answer as [unknown, unknown]
    if (typeof id !== 'string') throw new RedisFailure('answers what was not asked')
    return { id, isWhole: isWhole === 1 && told.get(group) === id }
  }

  const tellAll = async (group: string, id: string, userKeys: readonly string[]): Promise<void> => {
    for (const userKey of userKeys) await tell(userKey, id)
    told.set(group, id)
  }

  const join = async (group: string): Promise<void> => {
    const { id, isWhole } = await ask(group)
    if (told.get(group) === id) {
      eras.set(group, { id, isWhole })
      return
    }
    eras.delete(group)
    const userKeys = users().filter((it) => groupOf(it) === group)
    const work =
      telling.get(group) ?? tellAll(group, id, userKeys).finally(() => telling.delete(group))
    telling.set(group, work)
    if (userKeys.length > few) {
      work.catch(ignoreFailure)
      return
    }
    await work
    eras.set(group, await ask(group))
  }

  /** Once at a time. */
  const joinOnce = (group: string): Promise<void> => {
    const under = joining.get(group)
    if (under !== undefined) return under
    const begun = join(group).finally(() => joining.delete(group))
    joining.set(group, begun)
    return begun
  }

  /** What was counted since it told, too: then nobody has to wait for it. */
  const leaveOne = async (group: string): Promise<void> => {
    told.delete(group)
    await joinOnce(group)
    await telling.get(group)
    await redis.run(leaveScript, [redis.key('era', group)], [node])
  }

  return {
    enter: async (userKey) => {
      const group = groupOf(userKey)
      if (eras.get(group)?.isWhole !== true) await joinOnce(group)
      const era = eras.get(group)
      if (era?.isWhole === true) return era.id
      throw new EraIsNotWhole()
    },
    isWhole: (userKey) => eras.get(groupOf(userKey))?.isWhole === true,
    isOver: (userKey) => {
      eras.delete(groupOf(userKey))
    },
    look: async () => {
      await Promise.all(groups.map((group) => joinOnce(group).catch(ignoreFailure)))
    },
    leave: async () => {
      const open = groups.filter((group) => eras.get(group)?.isWhole !== true)
      await Promise.all(open.map((group) => leaveOne(group).catch(ignoreFailure)))
    },
  }
}
