import { pino, type DestinationStream, type Logger } from 'pino'

/** JSON lines on standard output (or `destination`). Nothing that is logged holds a secret. */
export const createLog = (level: string, destination?: DestinationStream): Logger =>
  pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
