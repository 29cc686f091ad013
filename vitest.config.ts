import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{common,ingest,transcoder,api,infra,player}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
  },
})
