/** Where a database is, for people and logs: who, server and database, and nothing else of the URL. */
export const withoutPassword = (url: string): string => {
  if (!URL.canParse(url)) return 'postgres://…'
  const { protocol, username, host, pathname } = new URL(url)
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}
