import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)

type Package = { readonly scripts: { readonly cli: string } }

/** What follows `node` when the gateway is run as `npm start` runs it. */
const gatewayWords = (): readonly [flags: readonly string[], file: string] => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Package
  const [exec, node, ...rest] = scripts.cli.split(' ')
  const file = rest.pop()
  if (exec !== 'exec' || node !== 'node' || file === undefined)
    throw new Error(`the script \`cli\` is not what the bench takes it for: ${scripts.cli}`)
  return [rest, fileURLToPath(new URL(file, root))]
}

export const gatewayFlags = (): readonly string[] => gatewayWords()[0]

export const gatewayArguments = (): readonly string[] => gatewayWords().flat()
