import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AdminEnv } from './caller.ts'
import { errorResponses, problem, tags } from './description.ts'

const about = `Everything that the console does. Lists are paged by \`limit\` and \`after\`; writes take
\`If-Match\` with the \`ETag\` of what they change; fields that are not known are refused; ids of other
accounts are not found. Every answer carries \`x-sallyport-decision\`, the id under which the audit
knows it.`

/** Each is one `Authorization` field. */
const securitySchemes = {
  basic: { type: 'http', scheme: 'basic', description: 'If HTTP is allowed for the user' },
  app: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: '`App ` and the secret of an API key',
  },
} as const

/** Registers what all routes share: the schemes, and an answer for each status of an error. */
export const addSharedParts = ({ openAPIRegistry: registry }: OpenAPIHono<AdminEnv>): void => {
  registry.register('Problem', problem)
  const schema = { $ref: '#/components/schemas/Problem' }
  for (const [status, description] of Object.entries(errorResponses))
    registry.registerComponent('responses', status, {
      description,
      content: { 'application/problem+json': { schema } },
    })
  for (const [name, scheme] of Object.entries(securitySchemes))
    registry.registerComponent('securitySchemes', name, scheme)
}

/**
 * The OpenAPI document, made once of the schemas that validate; `path` is where it is asked for, and
 * the API is beside it.
 */
export const createDocument = (api: OpenAPIHono<AdminEnv>) => {
  const make = () =>
    api.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Sallyport admin API',
        version: '1',
        description: about,
        license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      },
      tags: [...tags],
      security: Object.keys(securitySchemes).map((name) => ({ [name]: [] })),
    })
  let made: ReturnType<typeof make> | undefined
  return (path: string) => ({
    ...(made ??= make()),
    servers: [{ url: path.replace(/\/openapi\.json$/, '') }],
  })
}
