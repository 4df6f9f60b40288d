import fc from 'fast-check'
import { unlockUser } from '../../db/locks.ts'
import { transact } from '../../db/database.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor as actor } from '../../db/record.ts'
import { replaceSafelist } from '../../db/safelists.ts'
import { setApiAccess, setUserEnabled } from '../../db/users.ts'
import type { Promises, Rights } from './model-promises.ts'
import { bothNodes, type Node, type Offer } from './model-seen.ts'
import { cheapHash } from './model-watch.ts'
import type { World } from './model-world.ts'

export type ModelCommand = fc.AsyncCommand<Promises, World>

const minute = 60_000
const home = '203.0.113.7'
const office = '203.0.113.8'
const sources = [home, office, '198.51.100.9'] as const

/** Its words are what a failing run prints. */
const command = (
  words: string,
  may: (promises: Readonly<Promises>) => boolean,
  run: (promises: Promises, world: World) => Promise<void>,
): ModelCommand => ({ check: may, run, toString: () => words })

const isOpen =
  (...nodes: readonly Node[]) =>
  (promises: Readonly<Promises>): boolean =>
    nodes.every(promises.isOpen)

const node = fc.constantFrom<Node>(0, 1)
const from = fc.constantFrom(...sources)

type Which = 'right' | 'former' | number

const secretOf = (promises: Promises, which: Which): string => {
  const { password } = promises.rights()
  if (which === 'right') return password
  if (typeof which === 'number') return `wrong ${which}`
  return `${password} no more`
}

const oneTry = (secret: fc.Arbitrary<Which>) =>
  fc.tuple(node, from, secret).map(([at, source, which]) =>
    command(`${which} at ${at} from ${source}`, isOpen(at), async (promises, world) => {
      const offer = { node: at, from: source, secret: secretOf(promises, which) }
      promises.judge(await world.offer([offer]))
    }),
  )

type Loss = { readonly nodes: readonly Node[]; readonly isEmptied: boolean }

const loss = fc.record<Loss>({
  nodes: fc.constantFrom<readonly Node[]>([0], [1], bothNodes, bothNodes),
  isEmptied: fc.boolean(),
})

const wordsOf = ({ nodes, isEmptied }: Loss): string =>
  isEmptied ? 'Redis is lost with its data' : `Redis is cut off from ${nodes.join(' and ')}`

const cutOf = ({ nodes, isEmptied }: Loss): readonly Node[] => (isEmptied ? bothNodes : nodes)

const isWhole = (promises: Readonly<Promises>): boolean => bothNodes.every(promises.isUp)

let bursts = 0

/** Guesses at all nodes at once, all of them new; Redis may be lost in the middle. */
const burst = (lost: fc.Arbitrary<Loss | undefined>) =>
  fc.tuple(from, fc.constantFrom(2, 3, 4, 4, 7, 14), lost).map(([source, times, lose]) =>
    command(
      `${times} new guesses at once from ${source}${lose ? `, and ${wordsOf(lose)}` : ''}`,
      (promises) => isOpen(...bothNodes)(promises) && (lose === undefined || isWhole(promises)),
      async (promises, world) => {
        const name = ++bursts
        const offers = Array.from({ length: times }, (_, at): Offer => {
          return { node: at % 2 === 0 ? 0 : 1, from: source, secret: `burst ${name} ${at}` }
        })
        const seen = await world.offer(offers, async () => {
          if (lose === undefined) return
          await new Promise((resolve) => setImmediate(resolve))
          await world.lose(cutOf(lose), lose.isEmptied)
          promises.lose(cutOf(lose), lose.isEmptied)
        })
        promises.judge(seen)
      },
    ),
  )

const change = <T>(
  words: string,
  values: fc.Arbitrary<T>,
  rightsOf: (value: T, before: Rights) => Partial<Rights>,
) =>
  fc.tuple(node, values).map(([at, value]) =>
    command(
      `${words} ${JSON.stringify(value)} through ${at}`,
      isOpen(at),
      async (promises, world) => {
        const { userId } = world
        const rights = { ...promises.rights(), ...rightsOf(value, promises.rights()) }
        const before = promises.rights()
        await world.change(at, (database) =>
          transact(database, async (tx) => {
            if (rights.password !== before.password)
              await setPassword(tx, { actor, userId, hash: cheapHash(rights.password) })
            if (rights.isEnabled !== before.isEnabled)
              await setUserEnabled(tx, { actor, userId, enabled: rights.isEnabled })
            if (rights.isAllowed !== before.isAllowed)
              await setApiAccess(tx, { actor, userId, http: rights.isAllowed, smpp: false })
            if (rights.listed !== before.listed) {
              const entries = rights.listed.map((range) => ({ range }))
              await replaceSafelist(tx, { actor, userId, entries })
            }
          }),
        )
        promises.change(at, rights)
      },
    ),
  )

let passwords = 0

const changes = [
  change('a new password', fc.constant(''), () => ({ password: `password ${++passwords}` })),
  change('the safelist', fc.constantFrom([], [home], [home, office]), (listed) => ({ listed })),
  change('enabled', fc.boolean(), (isEnabled) => ({ isEnabled })),
  change('the switch', fc.boolean(), (isAllowed) => ({ isAllowed })),
]

const unlock = node.map((at) =>
  command(`unlock through ${at}`, isOpen(at), async (promises, world) => {
    const { userId } = world
    await world.change(at, (database) =>
      transact(database, (tx) => unlockUser(tx, { actor, userId })),
    )
    for (const it of bothNodes) if (promises.isOpen(it)) await world.hear(it)
    promises.hear(at)
    for (const it of bothNodes) if (promises.isOpen(it)) promises.hear(it)
    promises.unlock()
    // Clocks of nodes differ: what came within a second of an unlock may be cleared with it.
    await world.pass(2_000)
  }),
)

const hear = node.map((at) =>
  command(`${at} hears`, isOpen(at), async (promises, world) => {
    await world.hear(at)
    promises.hear(at)
  }),
)

const pass = fc
  .constantFrom(1_000, 6 * minute, 16 * minute, 31 * minute, 25 * 60 * minute, 31 * 1_440 * minute)
  .map((ms) =>
    command(
      `${ms / minute} minutes pass`,
      () => true,
      async (promises, world) => {
        await world.pass(ms)
        promises.pass(world.clock.now())
      },
    ),
  )

const regainOf = async (promises: Promises, world: World): Promise<void> => {
  await world.regain()
  for (const it of bothNodes) if (!promises.isOpen(it)) promises.open(it)
  promises.regain()
}

/** Without Redis a node does not start: it does so when Redis is back. */
const restart = node.map((at) =>
  command(`${at} restarts`, isOpen(...bothNodes), async (promises, world) => {
    await world.close(at)
    promises.close(at)
    if (!promises.isUp(at)) return
    await world.open(at)
    promises.open(at)
  }),
)

const lose = loss.map((it) =>
  command(wordsOf(it), isWhole, async (promises, world) => {
    await world.lose(cutOf(it), it.isEmptied)
    promises.lose(cutOf(it), it.isEmptied)
  }),
)

/** As when it is started anew: soon back, and with nothing. */
const empty = fc.constant(
  command('Redis restarts empty', isWhole, async (promises, world) => {
    await world.lose(bothNodes, true)
    promises.lose(bothNodes, true)
    await regainOf(promises, world)
  }),
)

const regain = fc.constant(command('Redis is back', (promises) => !isWhole(promises), regainOf))

const wrong = oneTry(fc.integer({ min: 1, max: 7 }))

const guesses = burst(fc.constant(undefined))

/** How often each comes is how often it stands here. */
export const modelCommands: fc.Arbitrary<ModelCommand>[] = [
  ...[wrong, wrong, wrong, wrong, wrong, wrong],
  ...[oneTry(fc.constant('right')), oneTry(fc.constant('right')), oneTry(fc.constant('right'))],
  ...[guesses, guesses, guesses, burst(loss)],
  ...changes,
  ...[unlock, hear, hear, pass, pass, pass, restart],
  ...[lose, regain, regain, empty, empty],
]

/** At the end all is well again: whatever happened, it passes. */
export const endWell = async (promises: Promises, world: World): Promise<void> => {
  if (!isWhole(promises)) await regainOf(promises, world)
}
