import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type ExportGraphEntry,
  exportedRefines,
  exportVariants,
  type GraphEntry,
  type GraphFile,
  type GraphManifest,
  graphsFolder,
  type MaskTokens,
  sam2ManyVariants,
} from "./files.ts";
import type { OnePromptExport } from "./sam2-export-one.ts";
import { modelFamilies } from "../domain/model-family.ts";
import { sha256 } from "../lib/hash.ts";
import { decodeModel } from "../lib/onnx-proto.ts";

/** 2 tokens are a box, or one point with its padding: most prompts. SAM 2's boxes have padding, too. */
const pointCounts = { sam: [2, 4, 8, 16, 32, 64], sam2: [3, 4, 8, 16, 32, 64] } as const;

const root = resolve(import.meta.dirname, "../..");

/** Hash of every file that the graphs are made from, package versions included. */
function sourcesHash(): string {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((name) => `src/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".ts"))
    .filter((name) => graphSources.some((source) => name.startsWith(source)))
    .sort();
  const versions = readFileSync(join(root, "node_modules/@tensorflow/tfjs-core/package.json"), "utf8");
  const parts = files.map((name) => `${name} ${sha256(readFileSync(join(root, name)))}`);
  return sha256([...parts, sha256(versions)].join("\n"));
}

const graphSources = [
  "src/model/",
  "src/graph/",
  "src/graphs/",
  "src/checkpoint/layout.ts",
  "src/checkpoint/decoder-layouts.ts",
  "src/checkpoint/sam2-decoder.ts",
  "src/domain/model-family.ts",
  "src/lib/faint.ts",
  "src/imaging/working-size.ts",
  "src/domain/finder-layout.ts",
  "src/lib/onnx-proto.ts",
];

function readManifest(folder: string): GraphManifest | null {
  try {
    return JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as GraphManifest;
  } catch {
    return null;
  }
}

/**
 * Writes the graphs and their manifest into build/graphs, unless what lies there is fresh.
 * tfjs is loaded only when there is something to write. The manifest comes last, so a run that is cut off leaves none
 * that is wrong. Returns what the manifest says.
 */
export async function buildGraphs(
  options: { folder?: string; force?: boolean } = {},
): Promise<GraphManifest> {
  const folder = options.folder ?? graphsFolder;
  const sources = sourcesHash();
  const present = readManifest(folder);
  if (!options.force && present?.sources === sources) return present;
  const make = await import("./decoder.ts");
  mkdirSync(folder, { recursive: true });
  const write = (name: string, bytes: Uint8Array): GraphFile => {
    const file = `${name}.onnx`;
    writeWhole(join(folder, file), bytes);
    return { file, sha256: sha256(bytes) };
  };
  const variants = modelFamilies.flatMap((family) =>
    [false, true].flatMap((mask) => pointCounts[family].map((points) => ({ family, points, mask }))),
  );
  const decoders = variants.map((variant): GraphEntry => {
    const { family, points, mask } = variant;
    const before = family === "sam" ? "" : `${family}-`;
    const rest = (tokens: MaskTokens): GraphFile =>
      write(`${before}prefixed-${points}-${tokens}`, make.prefixedDecoderOnnx(variant, tokens));
    return {
      ...write(`${before}decoder-${points}${mask ? "-mask" : ""}`, make.decoderOnnx(variant)),
      family,
      points,
      mask,
      absentTokens: true,
      prefixed: mask ? null : { all: rest("all"), first: rest("first") },
    };
  });
  const positions = write("positions", make.positionsOnnx());
  const parts = write("parts", make.partsOnnx());
  const prefix = write("prefix", make.prefixOnnx());
  const near = { ...write("near", make.nearDecoderOnnx()), ...make.near };
  const { exportOnnx } = await import("./export.ts");
  const exports = exportVariants.map((variant): ExportGraphEntry => ({
    variant,
    family: "sam",
    refine: null,
    of_base: false,
    ...write(`export-${variant}`, exportOnnx(variant)),
  }));
  const { sam2ExportOnnx } = await import("./sam2-export.ts");
  const sam2Exports = sam2ManyVariants.map((variant): ExportGraphEntry => ({
    variant,
    family: "sam2",
    refine: null,
    of_base: false,
    ...write(`sam2-export-${variant}`, sam2ExportOnnx(variant)),
  }));
  const { samModelOnnx } = await import("./sam-model.ts");
  const { sam2ModelOnnx } = await import("./sam2-model.ts");
  const models = { sam: write("sam-model", samModelOnnx()), sam2: write("sam2-model", sam2ModelOnnx()) };
  const makeRefine = await import("./refine.ts");
  const refine = {
    pointHead: write("point-head", makeRefine.pointHeadOnnx("refined")),
    judgedPoints: write("judged-points", makeRefine.pointHeadOnnx("judged")),
    pointFeatures: write("point-features", makeRefine.pointFeaturesOnnx()),
    guidedFilter: write("guided-filter", makeRefine.guidedFilterOnnx()),
  };
  const { finderOnnx } = await import("./finder.ts");
  const finder = {
    1: write("finder-1", finderOnnx(1)),
    2: write("finder-2", finderOnnx(2)),
    4: write("finder-4", finderOnnx(4)),
  };
  const { finderExportOnnx, nearExportOnnx } = await import("./export-find.ts");
  const exportsOfFind = {
    near: write("export-near", nearExportOnnx()),
    finder: {
      1: write("export-finder-1", finderExportOnnx(1)),
      2: write("export-finder-2", finderExportOnnx(2)),
      4: write("export-finder-4", finderExportOnnx(4)),
    },
  };
  const { sam2OnePromptOnnx } = await import("./sam2-export-one.ts");
  const onePrompt = (name: string, asked: OnePromptExport): ExportGraphEntry => ({
    variant: asked.variant,
    family: "sam2",
    refine: ("refine" in asked && asked.refine?.kind) || null,
    of_base: ("givesWay" in asked && asked.givesWay) || false,
    ...write(`sam2-export-${name}`, sam2OnePromptOnnx(asked)),
  });
  sam2Exports.push(
    onePrompt("engine", { variant: "engine" }),
    onePrompt("served", { variant: "served" }),
    onePrompt("served-base", { variant: "served", givesWay: true }),
  );
  const served = exportedRefines.flatMap((kind): ExportGraphEntry[] => {
    const inside = { kind, model: decodeModel(readFileSync(join(folder, refine[kind].file))) };
    return [
      {
        variant: "served",
        family: "sam",
        refine: kind,
        of_base: false,
        ...write(`export-served-${kind}`, exportOnnx("served", inside)),
      },
      onePrompt(`served-${kind}`, { variant: "served", refine: inside }),
    ];
  });
  const all = [...exports, ...served, ...sam2Exports];
  const manifest: GraphManifest = {
    sources,
    decoders,
    positions,
    parts,
    prefix,
    near,
    exports: all,
    models,
    refine,
    finder,
    find: exportsOfFind,
  };
  writeWhole(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** Two processes may build at once; each file appears whole, and both write the same bytes. */
function writeWhole(path: string, data: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, data);
  renameSync(temporary, path);
}
