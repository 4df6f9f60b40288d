import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import { createOutbox } from '../../admin/mail/outbox.ts'
import { createOutboxPage } from '../../admin/outbox-page.ts'
import type { Core } from '../core.ts'
import { isLoopback } from '../endpoint.ts'
import { outboxOf } from '../post.ts'
import { addressOfSocket } from '../proxied-listener.ts'

/** What a proxy on this machine adds: who asks through it comes from elsewhere. */
const tracesOfProxies = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']

/**
 * This machine asks, not through a proxy, and by a name of its own: a page from elsewhere whose name
 * leads here (DNS rebinding) still sends that name.
 */
const isLocal = (c: Context): boolean => {
  const { incoming } = c.env as HttpBindings
  const source = addressOfSocket(incoming.socket)
  const name = URL.parse(`http://${incoming.headers.host ?? ''}`)?.hostname ?? ''
  return (
    source !== undefined &&
    isLoopback(source.text) &&
    isLoopback(name.replace(/^\[|\]$/g, '')) &&
    !tracesOfProxies.some((field) => incoming.headers[field] !== undefined)
  )
}

/** The sandbox's page of mails that were kept. */
export const createSandboxOutbox = ({ settings, system }: Core): Hono =>
  createOutboxPage({
    outbox: createOutbox({ ...system, folder: outboxOf(settings.dataDir) }),
    isLocal,
  })
