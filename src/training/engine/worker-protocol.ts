import type { EngineName, EngineSpec, TrainerDevice, TrainingEngine } from "./types.ts";

/** What the engines do inside their worker thread; the calls are those of TrainingEngine, one at a time. */
export type WorkerEngine = Omit<TrainingEngine, "name">;

/** Handed to the worker thread when it starts. */
export interface WorkerStart {
  readonly engine: EngineName;
  readonly spec: EngineSpec;
  readonly device: TrainerDevice;
}

export type Method = "step" | "predict" | "weights" | "state" | "restore" | "dispose";

export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** The first message is the answer to no call: `id` 0, with the device, or with why the engine can't run. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };
