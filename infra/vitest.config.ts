import { defineConfig } from "vitest/config";

// Nothing here touches the network or an account: `npm run test:infra` from the repository's root.
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
