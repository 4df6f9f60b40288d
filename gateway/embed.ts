import type { MiddlewareHandler } from 'hono'
import type { Logger } from 'pino'
import { createAdminPoint } from './admin.ts'
import { openCore, type Core } from './core.ts'
import { createMiddleware, type Sallyport } from './http/middleware.ts'
import { makeDataFolder } from './data-folder.ts'
import { ensureFirstAccount, setUp } from './installation.ts'
import { refuseSandboxData } from './sandbox/sandbox.ts'
import { createLog } from './log.ts'
import { openPostOffice } from './post.ts'
import { readSettings } from './settings.ts'
import { createSystem } from './system.ts'

/**
 * Sallyport inside another program: it decides, and opens no port. A request that was let through
 * belongs to that program: a later change of rights is met by its next request.
 */
export type Embedded = {
  readonly core: Core
  /** Lets through whom the rules permit, and who holds the permission, if one is named. */
  readonly middleware: (permission?: string) => MiddlewareHandler<Sallyport>
  /** The admin API, for an app on @hono/node-server: `app.route('/', sallyport.admin())`. */
  readonly admin: () => ReturnType<typeof createAdminPoint>
  readonly close: () => Promise<void>
}

/**
 * Opens the data folder that `DATA_DIR` names; the other settings are those of the gateway. Mails go
 * out from here when `PUBLIC_URL` says where their links lead; else from a gateway beside it.
 */
export const openSallyport = async (
  environment: Readonly<Record<string, string | undefined>> = {},
  log: Logger = createLog(environment['LOG_LEVEL'] ?? 'info'),
): Promise<Embedded> => {
  const read = readSettings(environment)
  if ('faults' in read)
    throw new Error(read.faults.map(({ name, message }) => `${name}: ${message}`).join('; '))
  const { settings } = read
  makeDataFolder(settings.dataDir)
  const core = await openCore({ settings, system: createSystem(), log })
  try {
    await refuseSandboxData(core)
    await setUp(core, await ensureFirstAccount(core.database))
  } catch (error) {
    await core.close()
    throw error
  }
  const { publicUrl } = settings.admin
  const office = publicUrl === undefined ? undefined : openPostOffice(core, { publicUrl })
  return {
    core,
    middleware: (permission) => createMiddleware(core, permission),
    admin: () => createAdminPoint(core, settings.http.routes),
    close: async () => {
      await office?.stop()
      await core.close()
    },
  }
}
