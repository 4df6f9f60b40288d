import { Hono } from 'hono'
import type { Metrics } from './metrics.ts'

/** One thing that must be so before traffic should come; undefined: it is. */
export type Readiness = {
  readonly name: string
  readonly missing: () => Promise<string | undefined>
}

/** What operators and their machines ask on the admin listener. */
export const createOperations = (
  metrics: Pick<Metrics, 'render' | 'contentType'>,
  readiness: readonly Readiness[],
): Hono => {
  const app = new Hono()
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    const missing: Record<string, string> = {}
    for (const { name, missing: ask } of readiness) {
      const answer = await ask().catch(() => 'failed')
      if (answer !== undefined) missing[name] = answer
    }
    const ready = Object.keys(missing).length === 0
    return c.json(ready ? { status: 'ok' } : { status: 'unavailable', missing }, ready ? 200 : 503)
  })
  app.get('/metrics', async (c) =>
    c.text(await metrics.render(), 200, { 'content-type': metrics.contentType }),
  )
  return app
}
