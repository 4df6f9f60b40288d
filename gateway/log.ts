import { pino, type DestinationStream, type Logger } from 'pino'

/** JSON lines on standard output (or `destination`). Nothing that is logged holds a secret. */
export const createLog = (level: string, destination?: DestinationStream): Logger =>
  pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)

/** Logs a failure by what it was that failed. */
export const createFailureLog =
  (log: Pick<Logger, 'error'>, what: string) =>
  (error: unknown): void => {
    log.error({ err: error }, what)
  }
