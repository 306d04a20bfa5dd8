import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../lib/errors.ts";
import { giveWay } from "../../lib/thread-priority.ts";
import { providerOn } from "./provider.ts";
import type { EngineState, PromptBatch, TrainBatch } from "./types.ts";
import type { Answer, Call, WorkerEngine, WorkerStart } from "./worker-protocol.ts";

/** The engines' thread: starts one engine, then answers calls in the order in which they come. */
const port = parentPort;
if (!port) throw new Error("this file runs as a worker thread only");
const { engine: name, spec, device } = workerData as WorkerStart;

giveWay();

// Each engine brings its own runtime, so only the one that was asked for is loaded.
const start = async (): Promise<WorkerEngine> =>
  name === "compiled"
    ? (await import("./compiled.ts")).startCompiled(spec, providerOn(device))
    : (await import("./eager.ts")).startEager(spec, device);

const answer = async (id: number, work: () => Promise<unknown>): Promise<void> => {
  let message: Answer;
  try {
    message = { id, result: await work() };
  } catch (error) {
    message = { id, error: messageOf(error) };
  }
  port.postMessage(message);
};

let engine: WorkerEngine | undefined;
await answer(0, async () => {
  engine = await start();
  return engine.device;
});

function perform(running: WorkerEngine, { method, args }: Call): Promise<unknown> {
  if (method === "step") return running.step(args[0] as TrainBatch, args[1] as number);
  if (method === "predict") return running.predict(args[0] as PromptBatch);
  if (method === "weights") return running.weights();
  if (method === "state") return running.state();
  if (method === "restore") return running.restore(args[0] as EngineState);
  port?.close();
  return running.dispose();
}

let last = Promise.resolve();
if (engine) {
  const running = engine;
  port.on("message", (call: Call) => {
    last = last.then(() => answer(call.id, () => perform(running, call)));
  });
}
