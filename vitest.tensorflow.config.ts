import { defineConfig } from "vitest/config";

// npm run test:tensorflow: what only a machine with tfjs-node can show.
export default defineConfig({
  test: {
    include: ["test/tensorflow/**/*.tensorflow.ts", "test/training/engine/engines.test.ts"],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    globalSetup: ["test/helpers/global-setup.ts"],
  },
});
