import type { Provider } from "../../src/training/engine/provider.ts";
import type { Judgement, Values } from "./judge.ts";
import type { Way } from "./ways.ts";

/** A stage made ready by one way. */
export interface Opened {
  /** What is held to the CPU's. The first run also compiles. */
  first(): Promise<Values>;
  /** The work that is timed; a run that waited for its results. */
  again(): Promise<unknown>;
  close(): Promise<void>;
}

/** Something that the product computes, by whatever way. */
export interface Stage {
  readonly name: string;
  /** Throws where the way is not here. */
  open(way: Way | "cpu"): Promise<Opened>;
  judge(cpu: Values, device: Values): Judgement;
}

/** The onnxruntime provider of a way. Throws an Error for a way that is none. */
export function providerFor(way: Way | "cpu"): Provider {
  if (way === "tfjs-node-gpu") throw new Error("tfjs-node-gpu runs no ONNX graph");
  return way;
}
