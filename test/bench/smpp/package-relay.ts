/** The peer to be measured against: a relay as one writes it on the smpp package. */
import type { AddressInfo } from 'node:net'
import smpp, { type PDU, type Session } from 'smpp'

const port = Number(process.argv[2])

const pass = (from: Session, to: Session): void => {
  from.on('pdu', (pdu: PDU) => {
    to.send(pdu)
  })
  from.on('error', () => {
    to.destroy()
  })
  from.on('close', () => {
    to.close()
  })
}

const server = smpp.createServer((client) => {
  client.pause()
  const upstream = smpp.connect({ host: '127.0.0.1', port }, () => {
    pass(client, upstream)
    pass(upstream, client)
    client.resume()
  })
})
server.listen(0, '127.0.0.1', () => {
  console.log((server.address() as AddressInfo).port)
})
process.on('SIGTERM', () => process.exit(0))
