import { verifyEvents, type Verified } from '../../db/chain-verification.ts'
import {
  countEvents,
  findEventPage,
  streamEvents,
  type EventPosition,
  type EventScope,
} from '../../db/event-search.ts'
import { holds } from '../../policies/permissions.ts'
import { effectiveOf, type Caller } from '../caller.ts'
import { csvResponse } from '../csv.ts'
import type { ApiDeps } from '../deps.ts'
import { pageOf, parseCursor, writeCursor } from '../paging.ts'
import { createRoutes } from '../routes.ts'
import {
  event,
  eventBody,
  eventCells,
  eventColumns,
  eventExportQuery,
  eventQuery,
  verified,
} from './event-schemas.ts'

const list = 'event'

const positionOf = (cursor: string): EventPosition | undefined => {
  const [, at, seq] = parseCursor(cursor, list) ?? []
  return typeof at === 'number' && /^\d{1,15}$/.test(seq ?? '')
    ? { at, seq: Number(seq) }
    : undefined
}

/** What belongs to no account (names that are nobody's, the platform's own) is the operator's. */
export const scopeOf = (caller: Caller): EventScope => ({
  accountId: caller.user.accountId,
  withStrangers: holds(effectiveOf(caller, caller.user.permissions), 'accounts/manage'),
})

const pagesOf = async function* (of: ReturnType<typeof streamEvents>) {
  for await (const rows of of) yield rows.map(eventCells)
}

const common = { tag: 'Audit', permission: 'events/view', method: 'get' } as const

/** The audit: searched, exported, verified (U16). */
export const createEventRoutes = ({ database, log, enter }: ApiDeps) => {
  const { app, add } = createRoutes(enter)
  let verifying: Promise<Verified> | undefined

  add(
    {
      ...common,
      operationId: 'listEvents',
      path: '/events',
      summary: 'Search the audit, the newest first',
      description:
        'Of the own account; whoever holds `accounts/manage` sees also what belongs to none, such as refusals of names that are nobody’s.',
      query: eventQuery,
      answer: pageOf(event),
    },
    async ({ caller, query: { limit, after: cursor, count, ...filter } }) => {
      const after = cursor === undefined ? undefined : positionOf(cursor)
      if (cursor !== undefined && after === undefined)
        return { faults: [{ path: 'after', message: 'is no page of this list' }] }
      const of = { ...scopeOf(caller), filter }
      const found = await findEventPage(database.aside, { ...of, after, limit: limit + 1 })
      const rows = found.slice(0, limit)
      const last = found.length > limit ? rows.at(-1) : undefined
      return {
        body: {
          items: rows.map(eventBody),
          next: last ? writeCursor([list, last.at, String(last.seq)]) : null,
          total: count === true ? await countEvents(database.aside, of) : undefined,
        },
      }
    },
  )

  add(
    {
      ...common,
      operationId: 'exportEvents',
      path: '/events.csv',
      summary: 'The same as CSV, streamed',
      description:
        "RFC 4180, UTF-8. Cells that a spreadsheet would run begin with `'`; times are UTC.",
      query: eventExportQuery,
      streams: 'text/csv',
    },
    ({ caller, query: filter }) => {
      const pages = pagesOf(streamEvents(database.aside, { ...scopeOf(caller), filter }))
      const onError = (error: unknown): void => {
        log.error({ err: error, decision: caller.decisionId }, 'an export of the audit broke off')
      }
      return Promise.resolve(
        csvResponse({ name: 'events.csv', columns: eventColumns, pages, onError }),
      )
    },
  )

  add(
    {
      ...common,
      operationId: 'verifyEvents',
      path: '/events/verify',
      summary: 'Walk the whole audit, and say where it is first broken',
      description: 'The chain is one over all accounts; `rows` are those that were found sound.',
      answer: verified,
    },
    async () => {
      // Whoever asks meanwhile gets the answer that is on its way.
      verifying ??= verifyEvents(database).finally(() => {
        verifying = undefined
      })
      return { body: await verifying }
    },
  )
  return app
}
