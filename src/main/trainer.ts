/** `npm run trainer`: a trainer by itself, on any machine that reaches the database and the object store. */
import { readConfig } from "../config.ts";
import { createLog } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import { proveDevice } from "../training/engine/device.ts";
import { databaseUrlOf } from "./shared/database-url.ts";
import { orExit, runProgram } from "./shared/process.ts";
import { startTraining } from "./shared/start-training.ts";
import { startServices } from "./shared/start.ts";
import { startTracing } from "./shared/tracing.ts";
import { usageOr } from "./shared/usage.ts";

usageOr(`usage: npm run trainer
  Takes fine-tunes, imports and webhooks from the Postgres of DATABASE_URL. Settings come from the environment
  (README.md).`);
const config = orExit(readConfig);
const log = createLog({ level: config.LOG_LEVEL, name: "trainer" });
/** Jobs are given back within five seconds; a spot instance has two minutes. */
const handBackMs = 20_000;
const releases = new Releases();
await runProgram(
  log,
  releases,
  async () => {
    await startTracing(config, "trainer", releases);
    const databaseUrl = await databaseUrlOf(config);
    const services = await startServices({ config, databaseUrl, log, releases });
    // Before the first job is taken: a trainer on the wrong device fails here, in words, and not slowly in each job.
    const proof = await proveDevice({ engine: config.TRAINER_ENGINE, device: config.TRAINER_DEVICE });
    log.info(proof, "the trainer has proved its device");
    if (proof.step && proof.step.gpuMs > proof.step.cpuMs)
      log.warn(
        proof.step,
        "a training step takes longer on this GPU than on the processor: try TRAINER_DEVICE=cpu",
      );
    await startTraining(services, databaseUrl, releases, proof.engine);
    log.info("the trainer waits for fine-tunes");
  },
  handBackMs,
);
