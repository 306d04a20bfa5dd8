import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../lib/errors.ts";

/** What main/build-graphs.ts writes beside the graphs: what there is, and from which sources it was made. */
export interface GraphManifest {
  /** SHA-256 over the sources that decide what the graphs are; another one means that they are stale. */
  readonly sources: string;
  /** In ascending order of points; the first that is large enough, with or without a mask prompt, is the one to take. */
  readonly decoders: readonly GraphEntry[];
  /** What is computed once for many prompts: see main/decoder-graph.ts. */
  readonly positions: GraphFile;
  readonly prefix: GraphFile;
  /** The decoder for other people's programs, still without its weights. */
  readonly exports: readonly ExportGraphEntry[];
}

/** What an exported ONNX decoder gives back: see main/export-outputs.ts. */
export const exportVariants = ["all", "single", "multi", "cvat"] as const;
export type ExportVariant = (typeof exportVariants)[number];

export interface GraphFile {
  /** File name in the manifest's folder. */
  readonly file: string;
  /** Of the file. */
  readonly sha256: string;
}

export interface ExportGraphEntry extends GraphFile {
  readonly variant: ExportVariant;
}

export interface GraphEntry extends GraphFile {
  /** Sparse tokens of a prompt; shorter prompts are filled up with absent tokens (label -2). */
  readonly points: number;
  /** Whether it takes mask prompts. */
  readonly mask: boolean;
  /** Tokens labelled -2 do not exist, exactly. */
  readonly absentTokens: boolean;
  /** What is left of it when the prefix is there: with all masks, and with that of token 0 alone. Null for mask prompts. */
  readonly prefixed: Readonly<Record<MaskTokens, GraphFile>> | null;
}

/** All four masks, or that of token 0 alone. */
export type MaskTokens = "all" | "first";

/** A graph to be loaded. */
export type DecoderGraph = Pick<GraphEntry, "points" | "mask"> & {
  /** Of the whole of it. */
  readonly path: string;
  readonly split: SplitGraph | null;
};

/** Paths of a graph in parts: what depends on weights alone, on an image too, and on prompts. */
export type SplitGraph = Readonly<Record<MaskTokens | "positions" | "prefix", string>>;

/** build/graphs of this package, whatever the working directory. */
export const graphsFolder = resolve(import.meta.dirname, "../../build/graphs");

/** The graphs that there are, fewest points first. Throws an Error that says how to make them. */
export function readGraphs(folder = graphsFolder): DecoderGraph[] {
  const { decoders, positions, prefix } = readManifest(folder);
  const path = ({ file }: GraphFile): string => join(folder, file);
  return decoders
    .map(({ points, mask, prefixed, ...whole }): DecoderGraph => {
      const { all, first } = prefixed ?? {};
      const shared = { positions: path(positions), prefix: path(prefix) };
      const split = all && first ? { all: path(all), first: path(first), ...shared } : null;
      return { points, mask, path: path(whole), split };
    })
    .toSorted((a, b) => a.points - b.points);
}

/** The graphs that exports put weights into. Throws an Error that says how to make them. */
export const readExportGraphs = (folder = graphsFolder): readonly ExportGraphEntry[] =>
  readManifest(folder).exports;

function readManifest(folder: string): GraphManifest {
  try {
    return JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as GraphManifest;
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

/** Tokens of the longest prompt that there is a graph for. */
export const mostTokens = (graphs: readonly DecoderGraph[], mask: boolean): number =>
  Math.max(0, ...graphs.filter((graph) => graph.mask === mask).map((graph) => graph.points));
