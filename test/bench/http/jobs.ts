import { basicOf, type BenchUser } from './gateway.ts'
import type { Job } from './load.ts'
import { BIG, SMALL } from './nginx.ts'

/** Gateways' daily bread. */
export const smallAnswers = (user: BenchUser): Job => ({
  name: 'small answers',
  method: 'GET',
  path: '/sms/3/messages',
  answer: SMALL,
  authorizations: [basicOf(user)],
})

export const bigUploads = (user: BenchUser): Job => ({
  name: '1 MiB up',
  method: 'POST',
  path: '/swallow',
  body: BIG,
  answer: SMALL,
  authorizations: [basicOf(user)],
})

export const bigDownloads = (user: BenchUser): Job => ({
  name: '1 MiB down',
  method: 'GET',
  path: '/big',
  answer: BIG,
  authorizations: [basicOf(user)],
})

/** Each request is another user's. */
export const inRotation = (users: readonly BenchUser[]): Job => ({
  ...smallAnswers({ username: '', password: '' }),
  name: `${users.length.toLocaleString('en')} users in turn`,
  authorizations: users.map(basicOf),
})
