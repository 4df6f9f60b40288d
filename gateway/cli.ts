#!/usr/bin/env -S node --max-semi-space-size=1
// A small young generation: each read of a socket makes a buffer outside the heap, and those must be
// let go of by cheap collections, before their sum starts a collection of everything.
import { enableCompileCache, registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

// Both halve the time to start; neither is needed, so a cache that cannot be written is no fault.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/sallyport', import.meta.url)))
// Node reads the package.json of drizzle-orm, 180 kB, anew for each of its 130 ES modules; its
// CommonJS modules share one reading.
registerHooks({
  resolve: (specifier, context, next) =>
    next(
      specifier,
      specifier.startsWith('drizzle-orm')
        ? { ...context, conditions: ['node', 'require'] }
        : context,
    ),
})

const { run } = await import('./commands/program.ts')
process.exit(await run(process.argv.slice(2), process.env))
