import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // One real Postgres for the run; each test file that needs a database makes its own in it.
    globalSetup: ["test/helpers/global-setup.ts"],
    setupFiles: ["test/helpers/equal-bytes.ts"],
    reporters: ["default", "./test/helpers/summary-reporter.ts"],
    pool: "forks",
    execArgv: ["--require", fileURLToPath(new URL("test/helpers/onnxruntime.cjs", import.meta.url))],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
