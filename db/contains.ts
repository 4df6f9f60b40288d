import { sql, type SQL, type SQLWrapper } from 'drizzle-orm'

/** Whether a column holds the text somewhere; nothing in the text is a pattern. Case is the caller's. */
export const contains = (column: SQLWrapper, text: string): SQL =>
  sql`${column} like ${`%${text.replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`
