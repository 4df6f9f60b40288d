/** A far SMSC that costs as little as can be: answers binds, submits, enquire_link and unbind. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { commands, headerOnly, responseTo } from '../../../gateway/smpp/constants.ts'
import { createCutter, submitResponse } from './pdus.ts'

const RESPONSE = submitResponse(0)
const MANY = 4_096
/** Ready-made answers: copied, then given their numbers. */
const prepared = Buffer.concat(Array.from({ length: MANY }, () => RESPONSE))

const bindAnswer = (commandId: number, sequence: number): Buffer => {
  const pdu = Buffer.concat([
    headerOnly(responseTo(commandId), 0, sequence),
    Buffer.from('far-smsc\0\x02\x10\0\x01\x34', 'latin1'),
  ])
  pdu.writeUInt32BE(pdu.length, 0)
  return pdu
}

const serve = (socket: Socket): void => {
  const numbers = new Uint32Array(MANY)
  let count = 0
  const flush = (): void => {
    if (count === 0) return
    const answers = Buffer.from(prepared.subarray(0, count * RESPONSE.length))
    const view = new DataView(answers.buffer, answers.byteOffset, answers.length)
    for (let index = 0; index < count; index++)
      view.setUint32(index * RESPONSE.length + 12, numbers[index] ?? 0)
    socket.write(answers)
    count = 0
  }
  const cut = createCutter((view, at) => {
    const commandId = view.getUint32(at + 4)
    const sequence = view.getUint32(at + 12)
    if (commandId === commands.submit_sm) {
      numbers[count] = sequence
      count += 1
      if (count === MANY) flush()
      return
    }
    flush()
    const isBind = commandId <= 2 || commandId === commands.bind_transceiver
    if (isBind) socket.write(bindAnswer(commandId, sequence))
    else if (commandId < 0x80000000) socket.write(headerOnly(responseTo(commandId), 0, sequence))
    if (commandId === commands.unbind) socket.end()
  })
  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    cut(chunk)
    flush()
  })
}

const server = createServer(serve).listen(
  { port: Number(process.argv[2] ?? 0), host: '127.0.0.1', backlog: 4_096 },
  () => {
    console.log((server.address() as AddressInfo).port)
  },
)
process.on('SIGTERM', () => process.exit(0))
