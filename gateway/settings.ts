import { z } from 'zod'
import { environmentShape } from './settings-environment.ts'
import { faultsBetween, faultsOfWorkers, settingName, type Given } from './settings-rules.ts'
import { settingsSchema } from './settings-schema.ts'
import { toSettings, type Settings } from './settings-value.ts'

/** `name` is the variable, or the place in the file; `message` says what would be right. */
export type SettingsFault = { readonly name: string; readonly message: string }

export type SettingsFile = { readonly path: string; readonly text: string }

type Environment = Readonly<Record<string, string | undefined>>

/** Only the place of a syntax error: the engine's own words quote the text, secrets and all. */
const placeOf = (error: unknown): string =>
  / \(line \d+ column \d+\)$/.exec(error instanceof Error ? error.message : '')?.[0] ?? ''

const isObject = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

type ReadFile = { readonly given: Given; readonly faults: readonly SettingsFault[] }

const readFile = ({ path, text }: SettingsFile): ReadFile => {
  const fault = (message: string): ReadFile => ({ given: {}, faults: [{ name: path, message }] })
  try {
    const given: unknown = JSON.parse(text)
    return isObject(given) ? { given, faults: [] } : fault('must be a JSON object')
  } catch (error) {
    return fault(`must be JSON, which it is not${placeOf(error)}`)
  }
}

const environmentKeys = Object.keys(environmentShape)

/** An empty variable counts as unset, as it does for a shell. */
const readEnvironment = (environment: Environment): Given =>
  Object.fromEntries(
    environmentKeys
      .map((key) => [key, environment[settingName(key)]] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  )

const strangers = (environment: Environment): readonly SettingsFault[] =>
  Object.keys(environment)
    .filter((name) => name.startsWith('SALLYPORT_') && name !== 'SALLYPORT_CONFIG')
    .map((name) => ({ name, message: 'is not a setting' }))

/** `routes[0].upstream[1]` */
const placeIn = (path: readonly PropertyKey[]): string =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '')

/** Every fault of every key, each by its place. */
const faultsWithin = (error: z.ZodError): readonly (SettingsFault & { readonly key: string })[] =>
  error.issues.flatMap((issue) => {
    const { path, message } = issue
    const key = String(path[0] ?? '')
    if (issue.code !== 'unrecognized_keys') return [{ key, name: placeIn(path), message }]
    return issue.keys.map((unknown) => ({
      key: path.length === 0 ? unknown : key,
      name: placeIn([...path, unknown]),
      message: 'is not a setting',
    }))
  })

/**
 * Reads the environment and the file, of which the environment wins, for so many workers. Answers
 * with settings, or with every fault at once; no message repeats a value.
 */
export const readSettings = (
  environment: Environment,
  file?: SettingsFile,
  workers = 1,
): { readonly settings: Settings } | { readonly faults: readonly SettingsFault[] } => {
  const ofEnvironment = readEnvironment(environment)
  const ofFile = file === undefined ? { given: {}, faults: [] } : readFile(file)
  const given = { ...ofFile.given, ...ofEnvironment }
  const read = settingsSchema.safeParse(given)
  const within = read.success ? [] : faultsWithin(read.error)
  const nameOf = (key: string, inFile: string): string =>
    !Object.hasOwn(ofEnvironment, key) && Object.hasOwn(ofFile.given, key)
      ? inFile
      : settingName(key)
  const between = [...faultsBetween(given), ...faultsOfWorkers(given, workers)]
  const faults = [
    ...ofFile.faults,
    ...strangers(environment),
    ...within.map(({ key, name, message }) => ({ name: nameOf(key, name), message })),
    ...between.map(({ key, message }) => ({ name: nameOf(key, key), message })),
  ]
  return read.success && faults.length === 0 ? { settings: toSettings(read.data) } : { faults }
}

/** The JSON Schema of the file (draft 2020-12), for editors; it is kept in the package. */
export const settingsJsonSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(settingsSchema, { io: 'input' }),
  title: 'Settings of Sallyport',
})
