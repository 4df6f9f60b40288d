import { isNotNull } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '../../db/api-keys.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { setDeletionRequested } from '../../db/deletion.ts'
import { createInvite } from '../../db/invites.ts'
import { findInviteByDigest } from '../../db/invite-rows.ts'
import { recordLock, type Lock } from '../../db/locks.ts'
import { findPasswordReset } from '../../db/password-resets.ts'
import { setPassword } from '../../db/passwords.ts'
import type { Actor } from '../../db/record.ts'
import { notices } from '../../db/schema/notices.ts'
import { digestToken } from '../../db/secrets.ts'
import { setTwoFactor } from '../../db/two-factor.ts'
import { setProfile } from '../../db/user-profile.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setUserEnabled } from '../../db/users.ts'
import type { Language } from '../../policies/languages.ts'
import { readMailTexts } from '../../admin/texts/mail-texts.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { createShiftedClock } from '../support/clock.ts'
import { made } from '../support/database.ts'
import { readMail, startMailServer, type MailServer } from '../support/mail-server.ts'
import { until } from '../support/smpp-pair.ts'

const day = 86_400_000
const publicUrl = 'https://gate.example.com/console'

let server: MailServer
let admin: TestAdmin
const clock = createShiftedClock()

beforeAll(async () => {
  server = await startMailServer({}, 0, true)
  admin = await startAdmin({
    env: {
      ...{ SMTP_URL: server.url, MAIL_FROM: 'gate@example.com', SUPPORT_EMAIL: 'help@example.com' },
      PUBLIC_URL: publicUrl,
    },
    system: clock,
  })
})
afterAll(async () => {
  await admin.stop()
  await server.stop()
})

/** Mails of all addresses of one user, who is named in them. */
const mailsTo = (name: string) =>
  server.received
    .filter(({ to }) => to.some((address) => address.startsWith(`${name}@`)))
    .map(readMail)

let users = 0
const newUser = async (language: Language, more: object = {}): Promise<UserRow> => {
  const username = `user-${++users}`
  return admin.addUser({
    ...{ username, email: `${username}@example.com`, password: `${username}-secret-1`, language },
    ...more,
  })
}

/** Resolves when nothing of what was recorded waits to be sent. */
const everythingIsSent = (): Promise<void> =>
  until(async () => {
    const { queries } = admin.core.database
    return (await queries.select().from(notices).where(isNotNull(notices.dueAt))).length === 0
  })

const change = (work: (tx: Transaction, actor: Actor) => Promise<unknown>): Promise<unknown> =>
  transact(admin.core.database, (tx) => work(tx, { userId: admin.rootId, channel: 'http' }))

const lock: Lock = {
  ...{ bucket: 'unknown', lockedAt: clock.now(), lockedUntil: Infinity, locks: 1 },
  consecutive: 5,
  channels: ['http'],
  sources: ['192.0.2.7'],
}

type Row = readonly [
  string,
  Language,
  subject: string,
  (tx: Transaction, user: UserRow, actor: Actor) => Promise<unknown>,
]
const rows: readonly Row[] = [
  ['a lock', 'de', 'locked', (tx, { id: userId }) => recordLock(tx, { userId, lock })],
  [
    'a password',
    'fr',
    'passwordChanged',
    (tx, { id: userId }, actor) => setPassword(tx, { actor, userId, hash: 'x' }),
  ],
  [
    'a mobile number',
    'ja',
    'mobileChanged',
    (tx, { id: userId }, actor) =>
      setProfile(tx, { actor, userId, profile: { mobileNumber: '+41793026727' } }),
  ],
  [
    'a second factor',
    'ar',
    'secondFactor',
    (tx, { id: userId, accountId }, actor) =>
      setTwoFactor(tx, { actor, accountId, userId, channel: 'email', mode: 'always' }),
  ],
]
test.each(rows)('%s is one mail, in %s, to its user', async (_, language, text, work) => {
  const user = await newUser(language)
  await change((tx, actor) => work(tx, user, actor))
  await everythingIsSent()
  const texts: Readonly<Record<string, unknown>> = await readMailTexts(language)
  expect(mailsTo(user.username)).toMatchObject([
    { subject: (texts[text] as { subject: string }).subject, language },
  ])
})

const tokenIn = (text: string, kind: string): string =>
  new RegExp(`${publicUrl}/${kind}/([\\w-]{43,})$`, 'm').exec(text)?.[1] ?? ''

test('a user made by the API is mailed a link, whose token is nowhere', async () => {
  const { status, body } = await admin.root('POST', '/users', {
    body: { username: 'sven', email: 'sven@example.com', firstName: 'Sven', language: 'sv' },
  })
  expect(status).toBe(201)
  await everythingIsSent()
  const mails = mailsTo('sven')
  expect(mails).toMatchObject([
    { language: 'sv', subject: (await readMailTexts('sv')).accountCreated.subject },
  ])
  const token = tokenIn(mails[0]?.text ?? '', 'password')
  const found = await findPasswordReset(admin.core.database, digestToken(token))
  expect(found).toMatchObject({ purpose: 'created', user: { id: body.id } })
  const kept = await admin.core.database.queries.select().from(notices)
  expect(JSON.stringify([admin.logged, kept])).not.toContain(token)
})

test('who is unlocked by an admin is mailed a link for an hour', async () => {
  const user = await newUser('en')
  await change((tx) => recordLock(tx, { userId: user.id, lock }))
  const { status } = await admin.root('POST', `/users/${user.id}/unlock`)
  expect(status).toBe(200)
  await everythingIsSent()
  const [locked, unlocked, ...more] = mailsTo(user.username)
  expect(more).toEqual([])
  expect([locked?.subject, unlocked?.subject].toSorted()).toEqual([
    'Your account has been locked',
    'Your account has been unlocked',
  ])
  const text = [locked, unlocked].map((mail) => mail?.text).join('\n')
  const found = await findPasswordReset(admin.core.database, digestToken(tokenIn(text, 'password')))
  expect(found).toMatchObject({ purpose: 'reset', user: { id: user.id } })
  expect((found?.expiresAt ?? 0) - clock.now()).toBeLessThanOrEqual(3_600_000)
})

test('five wrong passwords at the door are one mail of a lock', async () => {
  const { username } = await newUser('en')
  for (let guess = 0; guess < 7; guess++) {
    const authorization = `Basic ${Buffer.from(`${username}:wrong-${guess}`).toString('base64')}`
    await admin.clientOf(authorization)('GET', '/me')
  }
  await until(() => mailsTo(username).length > 0)
  await everythingIsSent()
  expect(mailsTo(username)).toMatchObject([{ subject: 'Your account has been locked' }])
})

test('another address is told at both', async () => {
  const { username, id } = await newUser('en')
  const email = `${username}@new.example.com`
  expect((await admin.root('PATCH', `/users/${id}`, { body: { email } })).status).toBe(200)
  await everythingIsSent()
  expect(
    mailsTo(username)
      .map(({ to, subject }) => `${to} ${subject}`)
      .toSorted(),
  ).toEqual(
    [`${username}@example.com`, email].map((to) => `${to} Your e-mail address has been changed`),
  )
})

test('who asks for a deletion is heard by Support', async () => {
  const { username, id: userId, accountId } = await newUser('de')
  await change((tx, actor) =>
    setDeletionRequested(tx, { actor, accountId, userId, requested: true }),
  )
  await everythingIsSent()
  expect(mailsTo(username)).toEqual([])
  const toSupport = mailsTo('help')
  expect(toSupport).toMatchObject([{ subject: 'Account deletion requested' }])
  expect(toSupport[0]?.text).toContain(username)
  expect(toSupport[0]?.text).toContain('root')
})

test('a key is told of a week and a day before its end', async () => {
  const { username, id: userId } = await newUser('en')
  const expiresAt = clock.now() + 8 * day
  const digest = digestToken('a key')
  made(
    (await change((tx, actor) =>
      createApiKey(tx, { actor, userId, name: 'billing', digest, expiresAt }),
    )) as object,
  )
  const told: number[] = []
  for (const days of [0, 2, 5, 0.5]) {
    clock.pass(days * day)
    await admin.office.keepUp()
    await everythingIsSent()
    told.push(mailsTo(username).length)
  }
  expect(told).toEqual([0, 1, 2, 2])
  const days = mailsTo(username).map(({ text }) => /expires in (\d+) day/.exec(text)?.[1])
  expect(days).toEqual(['6', '1'])
})

test('nothing reaches who is disabled, not even what was recorded before', async () => {
  const { username, id: userId } = await newUser('en')
  await change(async (tx, actor) => {
    await setPassword(tx, { actor, userId, hash: 'x' })
    await setUserEnabled(tx, { actor, userId, enabled: false })
    await recordLock(tx, { userId, lock })
  })
  await everythingIsSent()
  expect(mailsTo(username)).toEqual([])
})

test('an invite is mailed with a link that leads to it', async () => {
  const invite = made(
    await transact(admin.core.database, (tx) =>
      createInvite(tx, {
        actor: { userId: admin.rootId, channel: 'http' },
        accountId: admin.accountId,
        held: compilePermissions(['*']),
        email: 'guest@example.com',
        profile: { language: 'it' },
        digest: digestToken('nobody has this one'),
      }),
    ),
  )
  await everythingIsSent()
  const mails = mailsTo('guest')
  expect(mails).toMatchObject([
    { language: 'it', subject: (await readMailTexts('it')).invite.subject },
  ])
  const token = tokenIn(mails[0]?.text ?? '', 'invite')
  expect(await findInviteByDigest(admin.core.database, digestToken(token))).toMatchObject({
    id: invite.id,
  })
})
