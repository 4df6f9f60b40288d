import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { verifyEvents } from '../../db/chain-verification.ts'
import { CommitUnknown, isRolledBack } from '../../db/postgres-failures.ts'
import { createRefusalLog } from '../../db/refusals.ts'
import { findSources } from '../../db/source-rows.ts'
import { createSourceLog } from '../../db/sources.ts'
import { address } from '../../policies/address.ts'
import { behindProxy, losingNextCommit } from '../support/far-database.ts'
import { refusal, rowsOf } from '../support/refusals.ts'

const serverError = (code: string): pg.DatabaseError =>
  Object.assign(new pg.DatabaseError('as the server says', 0, 'error'), { code })

describe('what the server answers to a commit', () => {
  const codes: readonly [code: string, isOver: boolean][] = [
    ['40001', true],
    ['40002', true],
    ['40003', false],
    ['40P01', true],
    ['23505', true],
    ['08006', false],
    ['57P01', false],
  ]
  it.each(codes)('%s: nothing is left of the transaction, %s', (code, isOver) => {
    expect(isRolledBack(serverError(code))).toBe(isOver)
  })
})

describe('what is written behind the answers, when nobody hears of its commit', () => {
  it('stands in the audit once', async () => {
    const { direct, far, proxy } = await behindProxy()
    const errors: unknown[] = []
    const database = losingNextCommit(far, proxy)
    const log = createRefusalLog({ database, onError: (error) => void errors.push(error) })
    onTestFinished(() => log.stop())
    log.record(refusal)
    log.record({ ...refusal, channel: 'smpp' })
    await log.flush()
    expect(errors).toEqual([expect.any(CommitUnknown)])
    expect(await rowsOf(direct)).toHaveLength(2)
    log.record({ ...refusal, reason: 'user-locked' })
    await log.flush()
    expect(log.pending()).toBe(0)
    const rows = await rowsOf(direct)
    expect(rows.map(({ channel, reason }) => [channel, reason])).toEqual([
      ['http', 'secret-wrong'],
      ['smpp', 'secret-wrong'],
      ['http', 'user-locked'],
    ])
    expect(await verifyEvents(direct)).toMatchObject({ ok: true, rows: 3 })
  })

  it('is counted once among the sources', async () => {
    const { direct, far, proxy } = await behindProxy()
    const errors: unknown[] = []
    const database = losingNextCommit(far, proxy)
    const log = createSourceLog({ database, onError: (error) => void errors.push(error) })
    onTestFinished(() => log.stop())
    const seen = (): void => {
      log.seen('u1', 'http', address('203.0.113.7'), 'permitted')
    }
    seen()
    seen()
    await log.flush()
    expect(errors).toEqual([expect.any(CommitUnknown)])
    seen()
    await log.flush()
    expect(await findSources(direct, 'u1')).toMatchObject([{ count: 3 }])
  })
})
