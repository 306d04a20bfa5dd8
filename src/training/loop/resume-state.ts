import type { NamedTensor, NamedTensors } from "../../checkpoint/named-tensors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../checkpoint/safetensors.ts";
import type { EngineState, TrainingEngine } from "../engine/types.ts";
import type { EpochReport, LoopState } from "./loop.ts";

/** What a run learns from and with: another one with the same goes on with its checkpoint bit for bit. */
export interface Origin {
  readonly snapshot: string;
  readonly recipe: Readonly<Record<string, string | number>>;
  readonly seed: number;
  /** Null is the base. */
  readonly base_version: number | null;
  readonly engine: string;
  /** An engine adds up in another order on another device, or in another release of its runtime. */
  readonly device: string;
}

export interface TrainingCheckpoint {
  readonly origin: Origin;
  readonly state: LoopState;
  readonly engine: EngineState;
}

/** Where a run goes on: at the state of its last checkpoint, or from its beginning, and then why. */
export type Resumption =
  | { readonly state: LoopState; readonly why?: never }
  | { readonly state?: never; readonly why?: string };

/** Where the states of one training are kept between its attempts. */
export interface Checkpoints {
  /**
   * Sets the engine to where the attempt before was, if that had the same origin.
   * @param start all weights that training started from
   */
  resume(engine: TrainingEngine, start: NamedTensors): Promise<Resumption>;
  /** Keeps the state if one is due. Throws once the work is no longer wanted. */
  offer(engine: TrainingEngine, state: LoopState): Promise<void>;
}

const format = "maskwright-checkpoint-1";
const bestPrefix = "best/";

/**
 * A safetensors file: the engine's tensors by their names, the best epoch's trained weights under `best/` unless they
 * are the ones that training started from or stands at, and all the rest as JSON in the metadata.
 */
export function encodeCheckpoint({ origin, state, engine }: TrainingCheckpoint): Uint8Array {
  const { best, curve } = state;
  const tensors: Record<string, NamedTensor> = { ...engine.tensors };
  if (best.epoch !== 0 && best.epoch !== curve.at(-1)?.epoch) {
    for (const [name, tensor] of Object.entries(best.weights))
      if (name in engine.tensors) tensors[bestPrefix + name] = tensor;
  }
  return encodeSafetensors(tensors, {
    format,
    origin: JSON.stringify(origin),
    curve: JSON.stringify(curve),
    best: JSON.stringify({ epoch: best.epoch, iou: best.iou }),
    steps: String(engine.steps),
  });
}

/**
 * @param start all weights that training started from
 * Throws an Error when the file is not such a checkpoint.
 */
export function decodeCheckpoint(file: Uint8Array, start: NamedTensors): TrainingCheckpoint {
  const { tensors, metadata } = decodeSafetensors(file);
  if (metadata["format"] !== format) throw new Error(`its format is ${metadata["format"]}, not ${format}`);
  const read = (name: string): unknown => JSON.parse(metadata[name] ?? "null");
  const curve = read("curve") as EpochReport[];
  const { epoch, iou } = read("best") as { epoch: number; iou: number };
  const own = Object.entries(tensors).filter(([name]) => !name.startsWith(bestPrefix));
  const engine: EngineState = { steps: Number(metadata["steps"]), tensors: Object.fromEntries(own) };
  /** The start, with what the best epoch had learnt in its place. */
  const learnt = (name: string): NamedTensor | undefined =>
    epoch === curve.at(-1)?.epoch ? tensors[name] : tensors[bestPrefix + name];
  const weights = Object.fromEntries(
    Object.entries(start).map(([name, tensor]) => [name, (epoch === 0 ? undefined : learnt(name)) ?? tensor]),
  );
  return {
    origin: read("origin") as Origin,
    state: { curve, best: { epoch, iou, weights } },
    engine,
  };
}

const words: Record<keyof Origin, string> = {
  snapshot: "the data",
  recipe: "the recipe",
  seed: "the seed",
  base_version: "the version that it starts from",
  engine: "the engine",
  device: "what the engine runs on",
};

/** What of the two is not the same, in words; undefined when all is. */
export function difference(a: Origin, b: Origin): string | undefined {
  const text = (origin: Origin, name: keyof Origin): string =>
    name === "recipe"
      ? JSON.stringify(Object.entries(origin.recipe).sort(([x], [y]) => (x < y ? -1 : 1)))
      : JSON.stringify(origin[name]);
  const names = Object.keys(words) as (keyof Origin)[];
  const other = names.find((name) => text(a, name) !== text(b, name));
  return other && words[other];
}
