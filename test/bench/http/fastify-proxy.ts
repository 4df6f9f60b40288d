/** The peer @fastify/http-proxy with its defaults, to the upstream that is named first. */
import proxy from '@fastify/http-proxy'
import fastify from 'fastify'

const upstream = process.argv[2] ?? ''

const app = fastify({ bodyLimit: 1_073_741_824 })
await app.register(proxy, { upstream })
console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
