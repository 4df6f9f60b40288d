import type { AddressInfo } from 'node:net'
import smpp, { type PDU, type Server, type Session } from 'smpp'
import { createSampleSmsc } from '../../gateway/sandbox/smsc.ts'

/** A real SMSC, on the smpp package. */
export type Smsc = { readonly port: number; readonly server: Server; readonly close: () => void }

export const startSmsc = async (options: { receiptMs?: number } = {}): Promise<Smsc> => {
  const server = createSampleSmsc({ now: () => Date.now(), receiptMs: 20, ...options })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return {
    port: (server.address() as AddressInfo).port,
    server,
    close: () => {
      server.close()
      for (const session of [...server.sessions]) session.destroy()
    },
  }
}

/** A stock client: awaits answers, and keeps the requests that it was sent. */
export type Esme = {
  readonly session: Session
  readonly ask: (command: string, fields?: Record<string, unknown>) => Promise<PDU>
  /** Requests of the SMSC, each of them answered. */
  readonly asked: () => readonly PDU[]
  readonly closed: Promise<void>
  /** The next request of that command, also one that came before. */
  readonly next: (command: string) => Promise<PDU>
}

export const connectEsme = (port: number, options: Record<string, unknown> = {}): Esme => {
  const session = smpp.connect({ host: '127.0.0.1', port, ...options })
  const asked: PDU[] = []
  const taken = new Set<PDU>()
  const waiting = new Set<() => void>()
  session.on('error', () => undefined)
  session.on('pdu', (pdu) => {
    if (pdu.isResponse()) return
    session.send(pdu.response())
    asked.push(pdu)
    for (const look of waiting) look()
  })
  const closed = new Promise<void>((resolve) => session.on('close', resolve))
  return {
    session,
    asked: () => asked,
    closed,
    ask: (command, fields = {}) =>
      new Promise((resolve, reject) => {
        void closed.then(() => {
          reject(new Error(`closed before ${command} was answered`))
        })
        session.send(new smpp.PDU(command, fields), resolve)
      }),
    next: (command) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = asked.find((pdu) => pdu.command === command && !taken.has(pdu))
          if (found === undefined) return
          taken.add(found)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
  }
}
