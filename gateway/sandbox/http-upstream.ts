import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { z } from 'zod'

const destination = z.object({ to: z.string().min(1) })
const sms = z.object({
  messages: z
    .array(z.object({ destinations: z.array(destination).min(1) }).loose())
    .min(1)
    .max(100),
})

const accepted = {
  groupId: 1,
  groupName: 'PENDING',
  id: 26,
  name: 'PENDING_ACCEPTED',
  description: 'Message sent to next instance',
} as const

const problem = (text: string) => ({
  requestError: { serviceException: { messageId: 'BAD_REQUEST', text } },
})

/** The sample upstream: an SMS API at one path, and an echo of the request at every other. */
export const createSampleUpstream = (newId: () => string): Server => {
  const app = new Hono()
  app.post('/sms/3/messages', async (c) => {
    const body: unknown = await c.req.json().catch(() => undefined)
    const { success, data } = sms.safeParse(body)
    if (!success) return c.json(problem('messages[].destinations[].to is missing'), 400)
    const messages = data.messages.flatMap(({ destinations }) =>
      destinations.map(({ to }) => ({ messageId: newId(), destination: to, status: accepted })),
    )
    return c.json({ bulkId: newId(), messages })
  })
  app.all('*', async (c) => {
    const { method, path } = c.req
    const headers = Object.fromEntries(c.req.raw.headers)
    const body = await c.req.text().catch(() => undefined)
    // Who went before the body was there is answered for form's sake.
    if (body === undefined) return c.json(problem('the body was not whole'), 400)
    return c.json({ method, path, headers, body })
  })
  return createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
}
