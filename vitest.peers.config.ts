import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

/** The tests that hold us against Python peers; `npm run test:peers` installs those. */
export default defineConfig({
  test: { ...base.test, include: ["test/peers/**/*.peer.ts"], globalSetup: [], testTimeout: 300_000 },
});
