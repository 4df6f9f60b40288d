import { expect, it } from 'vitest'
import { sqliteOf, temporaryDatabase } from '../support/database.ts'

it('has an index for each list of a page', async () => {
  const { connections } = sqliteOf(await temporaryDatabase())
  const planOf = (sql: string): string =>
    connections.reader
      .prepare<[], { detail: string }>(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => detail)
      .join('; ')
  const lists = [
    "select * from users where account_id = 'a' and (name_key, id) > ('b', 'c') order by name_key, id limit 50",
    "select * from users where account_id = 'a' and username_key > 'b' order by username_key limit 50",
    "select * from users where account_id = 'a' and email_key > 'b' order by email_key limit 50",
    "select * from users where account_id = 'a' and id > 'b' order by id limit 50",
    "select * from users where account_id = 'a' and (coalesce(last_sign_in_at, 0), id) > (1, 'c') order by coalesce(last_sign_in_at, 0), id limit 50",
    "select * from users where account_id = 'a' and enabled = 0 order by name_key, id limit 50",
    "select * from user_roles where role_id = 'r' and user_id > 'b' order by user_id limit 50",
    "select * from api_keys where account_id = 'a' and id > 'b' order by id limit 50",
    "select * from invites where account_id = 'a' and id > 'b' order by id limit 50",
    "select * from sessions where account_id = 'a' and ended_at is null and id > 'b' order by id limit 50",
    "select * from events where account_id = 'a' and (at, seq) < (9, 9) order by at desc, seq desc limit 50",
    'select * from events where account_id is null and (at, seq) < (9, 9) order by at desc, seq desc limit 50',
    "select * from events where user_id = 'a' and (at, seq) < (9, 9) order by at desc, seq desc limit 50",
    "select * from events where actor_id = 'a' and (at, seq) < (9, 9) order by at desc, seq desc limit 50",
    "select * from events where account_id = 'a' and action = 'b' and (at, seq) < (9, 9) order by at desc, seq desc limit 50",
    "select * from events where account_id = 'a' and channel = 'b' and (at, seq) < (9, 9) order by at desc, seq desc limit 50",
    "select * from events where account_id = 'a' and reason = 'b' and (at, seq) < (9, 9) order by at desc, seq desc limit 50",
    "select * from events where account_id = 'a' and source = 'b' and (at, seq) < (9, 9) order by at desc, seq desc limit 50",
    "select * from events where tag = 'a'",
    "select * from events where decision_id = 'a'",
    "select * from sources where user_id = 'a' and outcome = 'permitted' order by last_at desc limit 50",
  ]
  for (const list of lists) {
    expect(planOf(list), list).toMatch(/^SEARCH \w+ USING (COVERING )?INDEX [^;]*$/)
  }
})
