import { transact } from '../../db/database.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor as actor } from '../../db/record.ts'
import { revokeRole } from '../../db/roles.ts'
import { replaceSafelist } from '../../db/safelists.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setApiAccess, setUserEnabled } from '../../db/users.ts'
import type { TestGateway } from './gateway.ts'

/** A change of a user's rights, made through one gateway. */
export type RightsChange = (through: TestGateway, user: UserRow) => Promise<unknown>

export const disable: RightsChange = ({ core }, { id: userId }) =>
  transact(core.database, (tx) => setUserEnabled(tx, { actor, userId, enabled: false }))

export const changePassword: RightsChange = async ({ core }, { id: userId }) => {
  const hashed = await core.hashing.hash(Buffer.from('another-secret-2'))
  if (hashed.outcome !== 'hashed') throw new Error('no hash')
  return transact(core.database, (tx) => setPassword(tx, { actor, userId, hash: hashed.phc }))
}

export const setSafelist =
  (range: string): RightsChange =>
  ({ core }, { id: userId }) =>
    transact(core.database, (tx) => replaceSafelist(tx, { actor, userId, entries: [{ range }] }))

export const switchOff =
  (channel: 'http' | 'smpp'): RightsChange =>
  ({ core }, { id: userId }) =>
    transact(core.database, (tx) =>
      setApiAccess(tx, {
        ...{ actor, userId },
        ...{ http: channel !== 'http', smpp: channel !== 'smpp' },
      }),
    )

export const takeRole =
  (roleId: string): RightsChange =>
  ({ core }, { id: userId }) =>
    transact(core.database, (tx) => revokeRole(tx, { actor, userId, roleId }))
