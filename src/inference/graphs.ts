import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../lib/errors.ts";

/** One decoder graph: what main/build-graphs.ts writes of it into the manifest. */
export interface DecoderGraph {
  readonly path: string;
  /** Sparse tokens of a prompt; shorter ones are filled up with absent tokens (label -2). */
  readonly points: number;
  /** Whether it takes mask prompts. */
  readonly mask: boolean;
}

/** build/graphs of this package, whatever the working directory. */
export const graphsFolder = resolve(import.meta.dirname, "../../build/graphs");

/** The graphs that there are, fewest points first. Throws an Error that says how to make them. */
export function readGraphs(folder = graphsFolder): DecoderGraph[] {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as {
      decoders: { file: string; points: number; mask: boolean }[];
    };
    return manifest.decoders
      .map(({ file, points, mask }) => ({ path: join(folder, file), points, mask }))
      .toSorted((a, b) => a.points - b.points);
  } catch (error) {
    throw new Error(`no decoder graphs in ${folder} (${messageOf(error)}); run: npm run build:graphs`, {
      cause: error,
    });
  }
}

/** The smallest graph that takes so many tokens. Throws an Error when none is large enough. */
export function graphFor(graphs: readonly DecoderGraph[], points: number, mask: boolean): DecoderGraph {
  const graph = graphs.find((entry) => entry.mask === mask && entry.points >= points);
  if (!graph) throw new Error(`no decoder graph takes ${points} points${mask ? " and a mask" : ""}`);
  return graph;
}
