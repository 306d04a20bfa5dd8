import { Worker } from "node:worker_threads";
import type {
  CreateEngine,
  DecoderOutput,
  EngineName,
  EngineState,
  PromptBatch,
  StepResult,
  TrainBatch,
  TrainerDevice,
  TrainingEngine,
} from "./types.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { messageOf } from "../../lib/errors.ts";
import "../../lib/no-telemetry.ts";
import type { Answer, Method, WorkerStart } from "./worker-protocol.ts";

/**
 * Starts engines in worker threads of their own. `auto` takes the compiled engine, and the eager one where that can't
 * start. Throws an Error that names what is missing: on `gpu` each engine starts on a GPU or not at all.
 */
export const createEngineOn =
  (device: TrainerDevice): CreateEngine =>
  async (spec, options = {}) => {
    const { engine = "auto" } = options;
    if (engine !== "auto") return RemoteEngine.start(engine, { spec, device });
    try {
      return await RemoteEngine.start("compiled", { spec, device });
    } catch (compiled) {
      const note = `the compiled engine can't run: ${causeOf(compiled)}`;
      try {
        return await RemoteEngine.start("eager", { spec, device }, note);
      } catch (eager) {
        throw new AggregateError([compiled, eager], "no training engine can run here", { cause: eager });
      }
    }
  };

export const createEngine: CreateEngine = createEngineOn("auto");

const causeOf = (error: unknown): string =>
  messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The caller's side of an engine's worker thread. */
class RemoteEngine implements TrainingEngine {
  readonly name: EngineName;
  #device = "";
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #count = 0;
  #ended: Error | undefined;
  /** Why the thread will end, once that is wanted. */
  #farewell: string | undefined;

  private constructor(name: EngineName, start: Omit<WorkerStart, "engine">) {
    this.name = name;
    const workerData: WorkerStart = { engine: name, ...start };
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData });
    this.#worker.on("message", (answer: Answer) => this.#settle(answer));
    this.#worker.on("error", (error: Error) => this.#end(error));
    this.#worker.on("exit", (code) =>
      this.#end(new Error(this.#farewell ?? `the training thread ended with code ${code}`)),
    );
  }

  /** @param note why it is this engine, told with the device, so that a fall-back is never silent */
  static async start(
    name: EngineName,
    start: Omit<WorkerStart, "engine">,
    note?: string,
  ): Promise<RemoteEngine> {
    const engine = new RemoteEngine(name, start);
    try {
      const device = (await engine.#expect(0)) as string;
      engine.#device = note === undefined ? device : `${device} (${note})`;
      return engine;
    } catch (error) {
      await engine.#worker.terminate();
      throw new Error(`the ${name} engine can't run here`, { cause: error });
    }
  }

  get device(): string {
    return this.#device;
  }

  step(batch: TrainBatch, learningRate: number): Promise<StepResult> {
    return this.#call("step", [batch, learningRate]) as Promise<StepResult>;
  }

  predict(batch: PromptBatch): Promise<DecoderOutput> {
    return this.#call("predict", [batch]) as Promise<DecoderOutput>;
  }

  weights(): Promise<NamedTensors> {
    return this.#call("weights", []) as Promise<NamedTensors>;
  }

  state(): Promise<EngineState> {
    return this.#call("state", []) as Promise<EngineState>;
  }

  restore(state: EngineState): Promise<void> {
    return this.#call("restore", [state]) as Promise<void>;
  }

  /** Lets the calls under way finish. A second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#farewell) return;
    this.#farewell = "the training engine has been disposed of";
    await this.#call("dispose", []).catch(() => undefined);
    this.#end(new Error(this.#farewell));
    await this.#worker.terminate();
  }

  /** Arrays on SharedArrayBuffers are read where they lie; others are copied to the thread. */
  #call(method: Method, args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#count;
    const result = this.#expect(id);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows, this is a thread
    if (!this.#ended) this.#worker.postMessage({ id, method, args });
    return result;
  }

  #expect(id: number): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    return promise;
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ("error" in answer) pending?.reject(new Error(answer.error));
    else pending?.resolve(answer.result);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
  }
}
