import { defineConfig } from "vitest/config";

// npm run test:s3: the object store against an S3-protocol server in a process of its own.
export default defineConfig({
  test: { include: ["test/storage/**/*.s3.ts"], testTimeout: 60_000, hookTimeout: 90_000 },
});
