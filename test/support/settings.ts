import { readSettings } from '../../gateway/settings.ts'

export type Environment = Record<string, string | undefined>

export const settingsOf = (environment: Environment, file?: unknown) => {
  const read = readSettings(environment, file === undefined ? undefined : json(file))
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  return read.settings
}
export const json = (content: unknown) => ({
  path: 'sallyport.json',
  text: JSON.stringify(content),
})
export const namesOf = (environment: Environment, file?: unknown) => {
  const read = readSettings(environment, file === undefined ? undefined : json(file))
  return 'faults' in read ? read.faults.map(({ name }) => name) : []
}
export const upstreams = { HTTP_UPSTREAM: 'http://u:1', SMPP_UPSTREAM: 'smpp://u:1' }
