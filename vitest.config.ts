import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two workers: many tests start real servers, and the smallest machine has two cores.
    maxWorkers: 2,
  },
})
