import { mkdirSync } from 'node:fs'
import type { MiddlewareHandler } from 'hono'
import { openCore, type Core } from './core.ts'
import { createMiddleware, type Sallyport } from './http/middleware.ts'
import { ensureFirstAccount } from './installation.ts'
import { createLog } from './log.ts'
import { readSettings } from './settings.ts'
import { createSystem } from './system.ts'

/** Sallyport inside another program: it decides, and opens no port. */
export type Embedded = {
  readonly core: Core
  /** Lets through whom the rules permit, and who holds the permission, if one is named. */
  readonly middleware: (permission?: string) => MiddlewareHandler<Sallyport>
  readonly close: () => Promise<void>
}

/** Opens the data folder that `DATA_DIR` names; the other settings are those of the gateway. */
export const openSallyport = async (
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<Embedded> => {
  const read = readSettings(environment)
  if ('faults' in read)
    throw new Error(read.faults.map(({ name, message }) => `${name}: ${message}`).join('; '))
  const { settings } = read
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 })
  const core = await openCore({
    settings,
    system: createSystem(),
    log: createLog(settings.logLevel),
  })
  await ensureFirstAccount(core.database)
  return {
    core,
    middleware: (permission) => createMiddleware(core, permission),
    close: core.close,
  }
}
