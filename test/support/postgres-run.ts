import { dropRun } from './postgres.ts'

/** Behind all tests of the run, in the process that started them. */
export const teardown = (): Promise<void> => dropRun(process.pid)
