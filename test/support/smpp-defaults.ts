import { settingsSchema } from '../../gateway/settings-schema.ts'

/** What a gateway runs with whose operator set nothing. */
export const {
  timers: defaultTimers,
  relay: defaultRelayLimits,
  end: defaultEndTimes,
} = settingsSchema.parse({}).smppLimits
