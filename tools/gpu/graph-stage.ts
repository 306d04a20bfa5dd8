import ort from "../../src/lib/onnxruntime.ts";
import { providerOptions } from "../../src/training/engine/provider.ts";
import type { Judgement, Values } from "./judge.ts";
import { type Opened, providerFor, type Stage } from "./stages.ts";

export type Feeds = Record<string, ort.Tensor>;

/** One graph of a stage: what it is, and which outputs of it are held to the CPU's. */
export interface StageGraph {
  /** A file's path, or an ONNX file's bytes. */
  readonly model: string | Uint8Array;
  readonly outputs: readonly string[];
}

/**
 * Graphs run one after the other, each fed with `feeds` and with what those before it gave: as the product splits the
 * decoder in parts. Values travel over the processor's memory from one to the next, as they do there.
 */
export function graphStage(stage: {
  readonly name: string;
  readonly graphs: readonly StageGraph[];
  readonly feeds: () => Promise<Feeds>;
  readonly judge: (cpu: Values, device: Values) => Judgement;
}): Stage {
  const open = async (way: Parameters<Stage["open"]>[0]): Promise<Opened> => {
    const options = { ...providerOptions(providerFor(way)), logSeverityLevel: 3 as const };
    const sessions: ort.InferenceSession[] = [];
    for (const { model } of stage.graphs)
      sessions.push(
        typeof model === "string"
          ? await ort.InferenceSession.create(model, options)
          : await ort.InferenceSession.create(model, options),
      );
    const given = await stage.feeds();
    const run = async (): Promise<Values> => {
      const known: Feeds = { ...given };
      const values: Record<string, Float32Array> = {};
      for (const [i, session] of sessions.entries()) {
        const results = await session.run(fedTo(session, known));
        Object.assign(known, results);
        for (const name of stage.graphs[i]?.outputs ?? []) values[name] = results[name]?.data as Float32Array;
      }
      return values;
    };
    const close = async (): Promise<void> => {
      for (const session of sessions) await session.release();
    };
    return { first: run, again: run, close };
  };
  return { name: stage.name, open, judge: stage.judge };
}

const fedTo = ({ inputNames }: ort.InferenceSession, known: Feeds): Feeds =>
  Object.fromEntries(
    inputNames.map((name) => {
      const tensor = known[name];
      if (!tensor) throw new Error(`nothing to feed to ${name}`);
      return [name, tensor];
    }),
  );
