import type { Command } from 'commander'
import { createEmbeddedAttempts } from '../../db/attempts-embedded.ts'
import type { Database } from '../../db/database.ts'
import { findRefusal, type FoundRefusal } from '../../db/refusals.ts'
import { createFingerprints } from '../../db/secrets.ts'
import {
  imaginedOf,
  readImagined,
  type Explanation,
  type Imagined,
  type WrittenAttempt,
} from '../../policies/imagined.ts'
import { createDirectory } from '../directory.ts'
import { createExplain } from '../explain.ts'
import { createMatchRoute } from '../http/routes.ts'
import type { Settings } from '../settings-value.ts'
import { answer, timeOf, withDatabase, type Options, type Shell } from './shell.ts'

type ExplainOptions = Options & Partial<WrittenAttempt> & { readonly decision?: string }

/** The sandbox sends everything to its sample upstream. */
const everything = { path: '/', upstreams: [], stripPath: false, forwardAuthorization: false }

/** On what is written down; what only a running gateway has counted is not known here. */
const explainOn = (shell: Shell, database: Database, settings: Settings) => {
  const { system } = shell
  const attempts = createEmbeddedAttempts(system)
  const directory = createDirectory({
    database,
    fingerprints: createFingerprints(database.key),
    most: 16,
    onBroken: (of, why) => {
      shell.say([`the stored safelist of ${of} cannot be read: ${why}`])
    },
    restore: attempts.restore,
  })
  const matchRoute = createMatchRoute(settings.sandbox ? [everything] : settings.http.routes)
  return createExplain({ directory, attempts, matchRoute, now: system.now })
}

const wordOf = ({ effect, reason }: Explanation): string => {
  if (effect === 'unknown') return 'not known, since the audit does not say which key it was'
  return reason === null ? effect : `${effect}, ${reason}`
}

const linesOf = (explanation: Explanation): readonly string[] => [
  `now: ${wordOf(explanation)}`,
  ...explanation.rules.map(
    ({ rule, outcome, because }) =>
      `  ${rule.padEnd(24)}${outcome}${because === null ? '' : `, ${because}`}`,
  ),
]

const decisionOf = (id: string, { event, count, firstAt, lastAt }: FoundRefusal) => ({
  id,
  reason: event.reason,
  channel: event.channel,
  source: event.source,
  username: event.username,
  target: event.target,
  count,
  firstAt: timeOf(firstAt),
  lastAt: timeOf(lastAt),
})

const decisionLines = (decision: ReturnType<typeof decisionOf>): readonly string[] => [
  `then: refuse, ${String(decision.reason)}`,
  `  ${decision.channel} from ${decision.source ?? 'nowhere readable'}, ${decision.username ?? 'no user'}, ${decision.target ?? 'no target'}`,
  `  ${decision.count} of this kind from ${String(decision.firstAt)} to ${String(decision.lastAt)}`,
]

const explainDecision = (shell: Shell, id: string, options: ExplainOptions): Promise<void> =>
  withDatabase(shell, options, async (database, settings) => {
    const found = await findRefusal(database, id)
    if (found === undefined)
      throw new Error(`no refusal has the id ${JSON.stringify(id)}; permits are not written down`)
    const explanation = await explainOn(shell, database, settings)(imaginedOf(found.event))
    const decision = decisionOf(id, found)
    await answer(shell, options, { decision, ...explanation }, [
      ...decisionLines(decision),
      ...linesOf(explanation),
    ])
  })

const explainImagined = (shell: Shell, of: Imagined, options: ExplainOptions): Promise<void> =>
  withDatabase(shell, options, async (database, settings) => {
    const explanation = await explainOn(shell, database, settings)(of)
    await answer(shell, options, explanation, linesOf(explanation))
  })

export const addExplainCommand = (program: Command, shell: Shell): void => {
  const command = program
    .command('explain')
    .description('what the rules say of a refusal, or of an attempt that nobody makes')
    .option('--decision <id>', 'the id of a refusal; or:')
    .option('--username <name>', 'of whom')
    .option('--source <address>', 'from where')
    .option('--channel <channel>', 'http, smpp or web', 'http')
    .option('--credential <kind>', 'password, api-key or session; taken to be right', 'password')
    .option('--method <method>', 'of an HTTP request', 'GET')
    .option('--path <path>', 'of an HTTP request; without it no route is asked about')
    .option('--host <host>', 'of an HTTP request')
  command.action(async () => {
    const options = command.optsWithGlobals<ExplainOptions>()
    if (options.decision !== undefined) return explainDecision(shell, options.decision, options)
    const { username, source, channel = '', credential = '', method, path, host } = options
    if (username === undefined || source === undefined)
      return command.error('error: explain takes --decision, or --username and --source')
    const written = { username, source, channel, credential, method, path, host }
    const read = readImagined(written)
    if ('faults' in read)
      return command.error(
        read.faults.map((fault) => `error: --${fault.path} ${fault.message}`).join('\n'),
      )
    return explainImagined(shell, read.imagined, options)
  })
}
