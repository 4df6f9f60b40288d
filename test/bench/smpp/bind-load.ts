/** Binds one after another, by turns straight to the far SMSC and through the gateway. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { commands, headerOnly } from '../../../gateway/smpp/constants.ts'
import { bindPdu } from './pdus.ts'
import type { BenchCredentials, BindTimes } from './words.ts'

/** How long the answer to a bind takes, in ms, on a connection that stands; it is then unbound. */
const timeBind = async (port: number, credentials: BenchCredentials): Promise<number> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const startedAt = performance.now()
  socket.write(bindPdu(credentials, 1))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  const took = performance.now() - startedAt
  if (answer.readUInt32BE(8) !== 0) throw new Error('a bind was refused')
  socket.resume().write(headerOnly(commands.unbind, 0, 2))
  await once(socket, 'close')
  return took
}

const middle = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? NaN

/** Arguments: port of the far SMSC and of the gateway, system_id, password, binds of each. */
const [far, through, systemId = '', password = '', count] = process.argv.slice(2)
const credentials = { systemId, password }
// The first is verified; all further ones find it in the cache.
for (let warm = 0; warm < 50; warm++)
  for (const port of [Number(far), Number(through)]) await timeBind(port, credentials)
const straight: number[] = []
const between: number[] = []
for (let at = 0; at < Number(count); at++) {
  straight.push(await timeBind(Number(far), credentials))
  between.push(await timeBind(Number(through), credentials))
}
const beyond = between.map((took, at) => took - (straight[at] ?? NaN))
const times: BindTimes = {
  straight: middle(straight),
  through: middle(between),
  beyond: middle(beyond),
}
console.log(JSON.stringify(times))
process.exit()
