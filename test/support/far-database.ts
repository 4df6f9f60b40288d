import { onTestFinished, vi } from 'vitest'
import type { Database } from '../../db/database.ts'
import { placeOf, someTime, temporaryDatabase } from './database.ts'
import { startFaultProxy, type FaultProxy } from './tcp-fault-proxy.ts'

/** A database on PostgreSQL, and the same once more through a proxy. */
export const behindProxy = async (): Promise<{
  direct: Database
  far: Database
  proxy: FaultProxy
}> => {
  const direct = await temporaryDatabase()
  const url = new URL(placeOf(direct))
  const proxy = await startFaultProxy(Number(url.port || 5432))
  onTestFinished(proxy.stop)
  url.host = `127.0.0.1:${proxy.port}`
  const far = await temporaryDatabase({ at: someTime }, url.href)
  return { direct, far, proxy }
}

/** The server's next answer is swallowed, and then the connection is cut. */
export const loseNextAnswer = (proxy: FaultProxy): void => {
  const before = proxy.swallowed()
  proxy.set({ kind: 'swallow-replies' })
  void vi
    .waitUntil(() => proxy.swallowed() > before, { timeout: 20_000 })
    .then(() => {
      proxy.set({ kind: 'none' })
      proxy.cut()
    })
}

/** A database whose next commit takes place, and nobody hears of it. */
export const losingNextCommit = (far: Database, proxy: FaultProxy): Database => {
  let isLost = false
  const { engine } = far
  const commit = async (): Promise<void> => {
    if (!isLost) loseNextAnswer(proxy)
    isLost = true
    await engine.commit()
  }
  return { ...far, engine: { ...engine, commit } }
}
