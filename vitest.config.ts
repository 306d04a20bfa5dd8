import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { apiFiles, modelFiles, unitFiles } from "./test/lanes.ts";
import LongestLaneFirst from "./test/helpers/sequencer.ts";

/**
 * The lanes. `npm test` runs unit, api, model and scenario, all that needs only Node; every other lane has an npm script of its
 * own. Run one with `npm test -- --project unit`.
 */

/**
 * A test waits for Postgres, timers and processes that it starts for a third of its time, so that two cores have room for
 * a third worker; many cores have more than memory has, at two gigabytes a worker.
 */
const cores = availableParallelism();
const workers = Math.max(Math.min(cores + 1, 4), Math.floor(cores / 2));

const scenario = "test/scenario/**/*.test.ts";
/** What makes a run quicker, and no result another; see the two files. */
const quick = {
  setupFiles: ["test/helpers/equal-bytes.ts"],
  execArgv: ["--require", fileURLToPath(new URL("test/helpers/onnxruntime.cjs", import.meta.url))],
};
/** One real Postgres for the run; each test file that needs a database makes its own in it. */
const served = {
  globalSetup: ["test/helpers/global-setup.ts"],
  testTimeout: 60_000,
  hookTimeout: 120_000,
};
const minute = 60_000;

export default defineConfig({
  test: {
    reporters: ["default", "./test/helpers/summary-reporter.ts"],
    pool: "forks",
    maxWorkers: workers,
    sequence: { sequencer: LongestLaneFirst },
    projects: [
      {
        extends: true,
        test: { name: "unit", include: [...unitFiles], isolate: false, testTimeout: minute, ...quick },
      },
      {
        extends: true,
        test: { name: "api", include: [...apiFiles], isolate: false, ...quick, ...served },
      },
      {
        extends: true,
        test: { name: "model", include: [...modelFiles], ...quick, ...served },
      },
      {
        extends: true,
        // Whole fine-tunes, which other programs beside them slow down several times.
        test: { name: "scenario", include: [scenario], ...quick, ...served, testTimeout: 4 * minute },
      },
      {
        extends: true,
        // The console in a real browser against a whole server. A fine-tune runs inside.
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.e2e.ts"],
          fileParallelism: false,
          testTimeout: 15 * minute,
          hookTimeout: 5 * minute,
          bail: 1,
        },
      },
      {
        extends: true,
        // Minutes long: KILL_ROUNDS sets how many kills (20).
        test: {
          name: "kill",
          include: ["test/kill/**/*.kill.ts"],
          ...served,
          testTimeout: 60 * minute,
          hookTimeout: 5 * minute,
        },
      },
      {
        extends: true,
        // Trains every kind of version, twice.
        test: {
          name: "nightly",
          include: ["test/nightly/**/*.nightly.ts"],
          ...served,
          testTimeout: 20 * minute,
          hookTimeout: 5 * minute,
        },
      },
      {
        extends: true,
        // Against Python; `npm run test:peers` installs it.
        test: {
          name: "peers",
          include: ["test/peers/**/*.peer.ts"],
          ...quick,
          ...served,
          testTimeout: 5 * minute,
          hookTimeout: 2 * minute,
        },
      },
      {
        extends: true,
        // The object store against an S3-protocol server in a process of its own.
        test: {
          name: "s3",
          include: ["test/storage/**/*.s3.ts"],
          testTimeout: minute,
          hookTimeout: 1.5 * minute,
        },
      },
      {
        extends: true,
        // On a software Vulkan device, which `npm run test:gpu` brings.
        test: { name: "gpu", include: ["test/gpu/**/*.gpu.ts"], testTimeout: 10 * minute },
      },
      {
        extends: true,
        // What only a machine with tfjs-node can show.
        test: {
          name: "tensorflow",
          include: ["test/tensorflow/**/*.tensorflow.ts", "test/training/engine/engines.test.ts"],
          ...served,
          fileParallelism: false,
          testTimeout: 4 * minute,
          hookTimeout: 4 * minute,
        },
      },
    ],
  },
});
