import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AdminEnv } from './caller.ts'

type Known = {
  readonly method: string
  readonly pattern: RegExp
  readonly permission: string | undefined
}

/** The routes that there are, for who asks about a path and not for an answer. */
export type KnownRoutes = {
  /** The methods of a path, sorted; none: there is no such path. */
  readonly methodsOf: (path: string) => readonly string[]
  /** What a call that was recorded demanded; undefined: it was none of the API's. */
  readonly find: (call: {
    readonly method?: string | undefined
    readonly path?: string | undefined
  }) => { readonly permission: string | undefined } | undefined
}

const base = '/api/v1/'

/** Without what the app is mounted under. */
const within = (path: string): string | undefined => {
  const at = path.indexOf(base)
  return at < 0 ? undefined : path.slice(at + base.length - 1)
}

const patternOf = (template: string): RegExp =>
  new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`)

/** Reads them from the document's own registry, once, when first asked. */
export const createKnownRoutes = (api: () => OpenAPIHono<AdminEnv>): KnownRoutes => {
  const read = (): readonly Known[] =>
    api().openAPIRegistry.definitions.flatMap((definition) => {
      if (definition.type !== 'route') return []
      const { method, path, ...rest } = definition.route
      const permission = (rest as { readonly 'x-permission'?: string | null })['x-permission']
      return [
        {
          method: method.toUpperCase(),
          pattern: patternOf(path),
          permission: permission ?? undefined,
        },
      ]
    })
  let known: readonly Known[] | undefined
  const of = (path: string): readonly Known[] => {
    const asked = within(path)
    known ??= read()
    return asked === undefined ? [] : known.filter(({ pattern }) => pattern.test(asked))
  }
  return {
    methodsOf: (path) => [...new Set(of(path).map(({ method }) => method))].sort(),
    find: ({ method, path }) =>
      path === undefined ? undefined : of(path).find((it) => it.method === method),
  }
}
