import { expect, test } from 'vitest'
import { runCli } from '../support/cli.ts'

test.each([['REDIS_URL', 'redis://127.0.0.1:6379']])(
  '%s is a fault while nothing heeds it',
  async (name, value) => {
    const { code, err } = await runCli(['serve', '--check'], { [name]: value })
    expect([code, err]).toEqual([1, `${name}: is not part of this version yet: leave it out\n`])
  },
)
