import type { Broadcast } from './broadcast.ts'
import type { Database } from './database.ts'
import type { Feed } from './feed.ts'

const TOPIC = 'news'

/**
 * Tells the other nodes that there is news once it is committed, and looks at once when they tell.
 * What it is stands in the database alone: without a word of it, polling finds it a little later.
 */
export const shareNews = ({
  database,
  feed,
  broadcast,
}: {
  readonly database: Database
  readonly feed: Feed
  readonly broadcast: Broadcast
}): { readonly stop: () => void } => {
  const own = database.newId()
  // Nobody waits for Redis: the change is in force here, and the others would find it anyway.
  const tell = async (): Promise<void> => {
    broadcast.say(TOPIC, own).catch(() => undefined)
  }
  broadcast.hear(TOPIC, (from) => {
    if (from !== own) void feed.poll()
  })
  broadcast.onHearing(() => void feed.poll())
  database.followers.add(tell)
  return {
    stop: () => {
      database.followers.delete(tell)
    },
  }
}
