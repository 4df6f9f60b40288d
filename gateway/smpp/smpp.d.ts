/**
 * What we use of the smpp package, which has no types of its own: sessions for tests and for the
 * sandbox's SMSC. Fields are as the package reads and writes them, not checked by it.
 */
declare module 'smpp' {
  import type { Server as NetServer, Socket } from 'node:net'

  type Fields = Readonly<Record<string, unknown>>

  export class PDU {
    constructor(command: string, fields?: Fields)
    readonly command: string
    readonly command_id: number
    readonly command_status: number
    sequence_number: number
    readonly [field: string]: unknown
    isResponse(): boolean
    response(fields?: Fields): PDU
    toBuffer(): Buffer
    static fromBuffer(bytes: Buffer): PDU | false
    static maxLength: number
  }

  export interface Session {
    readonly socket: Socket
    send(pdu: PDU, answered?: (answer: PDU) => void): boolean
    pause(): void
    resume(): void
    close(closed?: () => void): void
    destroy(closed?: () => void): void
    on(event: 'pdu', listener: (pdu: PDU) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    on(event: 'connect' | 'secureConnect' | 'close', listener: () => void): this
  }

  export interface Server extends NetServer {
    readonly sessions: readonly Session[]
  }

  type ConnectOptions = {
    readonly host: string
    readonly port: number
    readonly tls?: boolean
    readonly [option: string]: unknown
  }

  const smpp: {
    readonly commands: Readonly<Record<string, { readonly id: number }>>
    readonly errors: Readonly<Record<string, number>>
    readonly tlvs: Readonly<Record<string, { readonly id: number }>>
    readonly PDU: typeof PDU
    createServer(session: (session: Session) => void): Server
    createServer(options: Fields, session: (session: Session) => void): Server
    connect(options: ConnectOptions, connected?: () => void): Session
  }
  export default smpp
}
