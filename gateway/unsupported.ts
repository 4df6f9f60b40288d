import type { SettingsFault } from './settings.ts'
import type { Settings } from './settings-value.ts'

const message = 'is not part of this version yet: leave it out'

/** Settings that are read but that nothing heeds yet; to go on without them would deceive. */
export const findUnsupported = ({ redis }: Settings): readonly SettingsFault[] => [
  ...(redis === undefined
    ? []
    : [{ name: redis.kind === 'single' ? 'REDIS_URL' : `redis (${redis.kind})`, message }]),
]
