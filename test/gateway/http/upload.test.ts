import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Exchanger } from '../../../gateway/http/exchanger.ts'
import type { BodyReader } from '../../../gateway/http/request-body.ts'
import { createUpload } from '../../../gateway/http/upload.ts'
import type { UpstreamConnection } from '../../../gateway/http/upstream-connection.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** An upload of chunks from a client that hands them over as the test says; the upstream is full. */
const open = (come: (reader: BodyReader) => void) => {
  const calls: string[] = []
  const socket = Object.assign(new EventEmitter(), {
    destroyed: false,
    writableNeedDrain: true,
    cork: () => undefined,
    uncork: () => undefined,
    write: () => false,
  })
  const from = {
    read: come,
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
  } as unknown as Exchanger
  const to = { socket, requestEnded: () => calls.push('ended') } as unknown as UpstreamConnection
  const upload = createUpload(from, to, true, (reason) => calls.push(reason))
  return { calls, socket, upload }
}

test('chunks that are none at once leave no watch behind', () => {
  const { calls } = open((reader) => {
    reader.broken()
  })
  expect(calls).toEqual(['request-malformed'])
  expect(vi.getTimerCount()).toBe(0)
})

test('many chunks into a full upstream wait for one drain', () => {
  const { calls, socket, upload } = open((reader) => {
    for (let chunk = 0; chunk < 20; chunk++) reader.data(Buffer.from('abc'))
  })
  expect([calls, socket.listenerCount('drain')]).toEqual([['pause'], 1])
  socket.emit('drain')
  expect(calls).toEqual(['pause', 'resume'])
  upload.stop()
  expect([socket.listenerCount('drain'), vi.getTimerCount()]).toEqual([0, 0])
})
