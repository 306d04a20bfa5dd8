import { defineConfig } from "vitest/config";

/** The console in a real browser against a whole server: npm run test:e2e. */
export default defineConfig({
  test: {
    include: ["test/e2e/**/*.e2e.ts"],
    reporters: ["verbose"],
    pool: "forks",
    fileParallelism: false,
    // A fine-tune runs inside; on a busy machine it takes minutes.
    testTimeout: 900_000,
    hookTimeout: 300_000,
    bail: 1,
  },
});
