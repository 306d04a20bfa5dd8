import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { type ModelFamily, modelFamilies } from "../domain/model-family.ts";
import { messageOf } from "../lib/errors.ts";

/** What an exported ONNX decoder gives back: see graphs/export-outputs.ts. */
export const exportVariants = ["all", "single", "multi", "cvat", "served", "engine"] as const;
export type ExportVariant = (typeof exportVariants)[number];
/** Those of SAM 2's decoder that take many prompts a call: see graphs/sam2-export.ts. */
export const sam2ManyVariants = ["all", "single", "multi"] as const satisfies readonly ExportVariant[];
export type Sam2ManyVariant = (typeof sam2ManyVariants)[number];
/** All that there are of SAM 2's decoder; the others take one prompt a call: see graphs/sam2-export-one.ts. */
export const sam2ExportVariants = [
  ...sam2ManyVariants,
  "served",
  "engine",
] as const satisfies readonly ExportVariant[];

/** Names of what refines masks inside an exported graph. */
export const exportedRefines = ["pointHead", "guidedFilter"] as const;
export type ExportedRefine = (typeof exportedRefines)[number];

const graphFile = z.object({
  /** File name in the manifest's folder. */
  file: z.string(),
  /** SHA-256 of the file. */
  sha256: z.string(),
});
export type GraphFile = Readonly<z.infer<typeof graphFile>>;

const exportGraph = graphFile.extend({
  variant: z.enum(exportVariants),
  /** Whose decoder it is. */
  family: z.enum(modelFamilies),
  /** What `served` refines its masks with, inside. */
  refine: z.enum(exportedRefines).nullable(),
  /** Whether it is the twin for an untuned base, as `served` of SAM 2 has one: there mask 0 gives way where it is not stable. */
  of_base: z.boolean(),
});
export type ExportGraphEntry = Readonly<z.infer<typeof exportGraph>>;

const decoderGraph = graphFile.extend({
  /** Whose decoder it is. */
  family: z.enum(modelFamilies),
  /** Sparse tokens of a prompt; shorter prompts are filled up with absent tokens (label -2). */
  points: z.int(),
  /** Whether it takes mask prompts. */
  mask: z.boolean(),
  /** Tokens labelled -2 do not exist, exactly. */
  absentTokens: z.boolean(),
  /** What is left of it when the prefix is there: with all masks, and with that of token 0 alone. Null for mask prompts. */
  prefixed: z.object({ all: graphFile, first: graphFile }).nullable(),
});
export type GraphEntry = Readonly<z.infer<typeof decoderGraph>>;

const refineGraphs = z.object({
  /** Graphs of point heads and of the guided filter, with settings and weights as inputs: see graphs/refine.ts. */
  pointHead: graphFile,
  /** Graph of point heads that gives the judged pixels alone. */
  judgedPoints: graphFile,
  guidedFilter: graphFile,
  /** What point heads are trained on. */
  pointFeatures: graphFile,
});
export type RefineKind = keyof z.infer<typeof refineGraphs>;

/** Graphs of finders, by the cells that they pool: see graphs/finder.ts. */
const finderGraphs = z.object({ 1: graphFile, 2: graphFile, 4: graphFile });

const graphManifest = z.object({
  /** SHA-256 over the sources that decide what the graphs are; another one means that they are stale. */
  sources: z.string(),
  /** In ascending order of points; the first that is large enough, with or without a mask prompt, is the one to take. */
  decoders: z.array(decoderGraph),
  /** What is computed once for many prompts: see graphs/decoder.ts. */
  positions: graphFile,
  parts: graphFile,
  prefix: graphFile,
  /** SAM's decoder for small boxes: see nearDecoderOnnx. */
  near: graphFile.extend({ side: z.int(), stride: z.int(), points: z.int() }),
  /** The decoder for other people's programs, still without its weights. */
  exports: z.array(exportGraph),
  /** The same as transformers.js's SamModel and Sam2Model call it: see graphs/sam-model.ts, graphs/sam2-model.ts. */
  models: z.object({ sam: graphFile, sam2: graphFile }),
  refine: refineGraphs,
  finder: finderGraphs,
  /** What finds for other people's programs, still without its weights: see graphs/export-find.ts. */
  find: z.object({ near: graphFile, finder: finderGraphs }),
});
/** What graphs/build.ts writes beside the graphs: what there is, and from which sources it was made. */
export type GraphManifest = Readonly<z.infer<typeof graphManifest>>;

/** All four masks, or that of token 0 alone. */
export type MaskTokens = keyof NonNullable<GraphEntry["prefixed"]>;

/** A graph to be loaded. */
export type DecoderGraph = Pick<GraphEntry, "family" | "points" | "mask"> & {
  /** Path of the whole graph. */
  readonly path: string;
  readonly split: SplitGraph | null;
  /** What answers small boxes from the image tokens near them; null where the graph has no such twin. */
  readonly near: NearGraph | null;
};

/** The graph for small boxes: its path, and what it looks at (`near` in graphs/decoder.ts). */
export interface NearGraph {
  readonly path: string;
  readonly side: number;
  readonly stride: number;
}

/** Paths of a graph in parts: what depends on weights alone, on an image too, and on prompts. */
export type SplitGraph = Readonly<Record<MaskTokens | "positions" | "parts" | "prefix", string>>;

/** build/graphs of this package, whatever the working directory. */
export const graphsFolder = resolve(import.meta.dirname, "../../build/graphs");

/** The graphs that there are, fewest points first. Throws an Error that says how to make them. */
export function readGraphs(folder = graphsFolder): DecoderGraph[] {
  const { decoders, positions, parts, prefix, near } = readManifest(folder);
  const path = ({ file }: GraphFile): string => join(folder, file);
  return decoders
    .map(({ family, points, mask, prefixed, ...whole }): DecoderGraph => {
      const { all, first } = prefixed ?? {};
      const shared = { positions: path(positions), parts: path(parts), prefix: path(prefix) };
      const split = all && first ? { all: path(all), first: path(first), ...shared } : null;
      const hasNear = family === "sam" && !mask && points === near.points;
      return {
        family,
        points,
        mask,
        path: path(whole),
        split,
        near: hasNear ? { path: path(near), side: near.side, stride: near.stride } : null,
      };
    })
    .toSorted((a, b) => a.points - b.points);
}

/** The graphs that exports put weights into. Throws an Error that says how to make them. */
export const readExportGraphs = (folder = graphsFolder): readonly ExportGraphEntry[] =>
  readManifest(folder).exports;

/** Path of the decoder that transformers.js calls, without its weights. Throws an Error that says how to make it. */
export const samModelGraph = (family: ModelFamily, folder = graphsFolder): string =>
  join(folder, readManifest(folder).models[family].file);

/** Path of each graph that refines masks. Throws an Error that says how to make them. */
export function readRefineGraphs(folder = graphsFolder): Readonly<Record<RefineKind, string>> {
  const { pointHead, judgedPoints, guidedFilter, pointFeatures } = readManifest(folder).refine;
  const path = ({ file }: GraphFile): string => join(folder, file);
  return {
    pointHead: path(pointHead),
    judgedPoints: path(judgedPoints),
    guidedFilter: path(guidedFilter),
    pointFeatures: path(pointFeatures),
  };
}

type FinderGraphs = Readonly<Record<1 | 2 | 4, string>>;

/** Path of the graph of finders, by the cells that they pool. Throws an Error that says how to make them. */
export const readFinderGraphs = (folder = graphsFolder): FinderGraphs =>
  pathsOf(readManifest(folder).finder, folder);

/** What a bundle finds with: paths, and what `near` looks at. Throws an Error that says how to make them. */
export function readFindExports(folder = graphsFolder): { near: NearGraph; finder: FinderGraphs } {
  const { find, near } = readManifest(folder);
  const { side, stride } = near;
  return {
    near: { path: join(folder, find.near.file), side, stride },
    finder: pathsOf(find.finder, folder),
  };
}

const pathsOf = (finder: z.infer<typeof finderGraphs>, folder: string): FinderGraphs => ({
  1: join(folder, finder[1].file),
  2: join(folder, finder[2].file),
  4: join(folder, finder[4].file),
});

function readManifest(folder: string): GraphManifest {
  let written: unknown;
  try {
    written = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  } catch (error) {
    throw new Error(`no decoder graphs in ${folder} (${messageOf(error)}); run: npm run build:graphs`, {
      cause: error,
    });
  }
  const { data, error } = graphManifest.safeParse(written);
  if (data) return data;
  throw new Error(`the decoder graphs in ${folder} are another release's; run: npm run build:graphs`, {
    cause: error,
  });
}

/** The smallest graph that takes so many tokens. Throws an Error when none is large enough. */
export function graphFor(
  graphs: readonly DecoderGraph[],
  points: number,
  mask: boolean,
  family: ModelFamily = "sam",
): DecoderGraph {
  const graph = graphs.find(
    (entry) => entry.family === family && entry.mask === mask && entry.points >= points,
  );
  if (!graph) throw new Error(`no decoder graph takes ${points} points${mask ? " and a mask" : ""}`);
  return graph;
}

/** Tokens of the longest prompt that there is a graph for. */
export const mostTokens = (
  graphs: readonly DecoderGraph[],
  mask: boolean,
  family: ModelFamily = "sam",
): number =>
  Math.max(
    0,
    ...graphs.filter((graph) => graph.family === family && graph.mask === mask).map((graph) => graph.points),
  );
