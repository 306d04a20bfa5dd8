import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../lib/errors.ts";

/** What main/build-graphs.ts writes beside the graphs: what there is, and from which sources it was made. */
export interface GraphManifest {
  /** SHA-256 over the sources that decide what the graphs are; another one means that they are stale. */
  readonly sources: string;
  /** In ascending order of points; the first that is large enough, with or without a mask prompt, is the one to take. */
  readonly decoders: readonly GraphEntry[];
  /** The decoder for other people's programs, still without its weights. */
  readonly exports: readonly ExportGraphEntry[];
}

/** What an exported ONNX decoder gives back: see main/export-outputs.ts. */
export const exportVariants = ["all", "single", "multi", "cvat"] as const;
export type ExportVariant = (typeof exportVariants)[number];

export interface ExportGraphEntry {
  readonly variant: ExportVariant;
  readonly file: string;
  readonly sha256: string;
}

export interface GraphEntry {
  /** Sparse tokens of a prompt; shorter prompts are filled up with absent tokens (label -2). */
  readonly points: number;
  /** Whether it takes mask prompts. */
  readonly mask: boolean;
  /** File name in the manifest's folder. */
  readonly file: string;
  /** Tokens labelled -2 do not exist, exactly. */
  readonly absentTokens: boolean;
  /** Of the file. */
  readonly sha256: string;
}

/** A graph to be loaded. */
export type DecoderGraph = Pick<GraphEntry, "points" | "mask"> & { readonly path: string };

/** build/graphs of this package, whatever the working directory. */
export const graphsFolder = resolve(import.meta.dirname, "../../build/graphs");

/** The graphs that there are, fewest points first. Throws an Error that says how to make them. */
export function readGraphs(folder = graphsFolder): DecoderGraph[] {
  return readManifest(folder)
    .decoders.map(({ file, points, mask }) => ({ path: join(folder, file), points, mask }))
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
