import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two workers: many tests start real servers, and the smallest machine has two cores.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'sallyport',
          include: ['test/**/*.test.ts'],
          exclude: ['test/db/postgres-*.test.ts'],
        },
      },
      {
        // What is remembered must be the same on the other engine: the same tests once more.
        extends: true,
        test: {
          name: 'postgres',
          include: ['test/db/*.test.ts'],
          exclude: [
            'test/db/sqlite-*.test.ts',
            // These ask no database.
            'test/db/{attempts,bind-leases,breaker,redis,windows}*.test.ts',
            'test/db/{guessability,hashing,ids,schemas,sealing,secrets}.test.ts',
          ],
          env: { TEST_ENGINE: 'postgres', TEST_RUN: String(process.pid) },
          globalSetup: 'test/support/postgres-run.ts',
        },
      },
    ],
  },
})
