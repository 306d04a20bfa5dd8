import { defineConfig } from "vitest/config";

// npm run test:kill: minutes long, so no part of npm test. KILL_ROUNDS sets how many kills (20).
export default defineConfig({
  test: {
    include: ["test/kill/**/*.kill.ts"],
    globalSetup: ["test/helpers/global-setup.ts"],
    testTimeout: 3_600_000,
    hookTimeout: 300_000,
  },
});
