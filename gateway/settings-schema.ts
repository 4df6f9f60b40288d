import { z } from 'zod'
import { environmentShape } from './settings-environment.ts'
import { fileShape } from './settings-file.ts'

/** Every key that there is; any other is a fault. */
export const settingsSchema = z.strictObject({ ...environmentShape, ...fileShape })

/** The settings as they were written, each read by itself. */
export type WrittenSettings = z.output<typeof settingsSchema>
