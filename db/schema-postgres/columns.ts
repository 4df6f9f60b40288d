import { bigint, customType } from 'drizzle-orm/pg-core'

/** Whole numbers and instants (ms). */
export const whole = (name = '') => bigint(name, { mode: 'number' })

/** In the order of its bytes, as in SQLite: pages are to be the same whatever the server's language. */
export const text = customType<{ data: string }>({ dataType: () => 'text collate "C"' })
