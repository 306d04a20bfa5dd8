import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import { stitchRules } from "../imaging/stitch.ts";
import { windowRules } from "../imaging/windows.ts";
import { plainFocus } from "../domain/focus.ts";
import type { ZipEntry } from "../lib/zip-writer.ts";
import { decoderOnnxFile, onnxEncoder } from "./onnx.ts";
import { findConfig, findEntries } from "./find.ts";
import { refineConfig, refineOnnxFile } from "./refine.ts";
import type { ExportSubject } from "./types.ts";

const runnersFolder = join(import.meta.dirname, "runners");
const runners = [
  "predict.py",
  "maskwright_views.py",
  "maskwright_find.py",
  "predict.mjs",
  "maskwright_views.mjs",
  "maskwright_find.mjs",
  "maskwright_cli.mjs",
];

/**
 * All of a version as files that run by themselves: encoder, decoder, what refines masks and what finds objects as ONNX,
 * what joins them as config.json, and two runners that make views, decode, stitch, refine and find by it.
 */
export async function bundleEntries(
  { base, version }: ExportSubject,
  parts: {
    readme: ZipEntry;
    metadata: Readonly<Record<string, string>>;
    weights: NamedTensors;
    /** Weights of the version's finder, where it has one. */
    finder: NamedTensors | null;
  },
): Promise<ZipEntry[]> {
  const { zoom, refine } = version?.focus ?? plainFocus;
  const finder = version?.finder ?? null;
  const { focus: _, model_card: __, ...facts } = parts.metadata;
  // A base of SAM 2 answers with another mask where mask 0 is not stable; what was tuned, with mask 0
  const sam2Variant = version ? "all" : "single";
  const variant = base.family === "sam" ? "served" : sam2Variant;
  const decoder = await decoderOnnxFile(parts.weights, { variant }, parts.metadata);
  const encoder = await onnxEncoder(base);
  const config = {
    format: "maskwright-bundle/1",
    ...facts,
    scores: facts["scores"] === undefined ? null : (JSON.parse(facts["scores"]) as unknown),
    family: base.family,
    encoder_input: base.encoderInput,
    encoder_files: encoder.slice(1).map(({ path }) => path),
    zoom,
    refine: refine && refineConfig(refine),
    finder: finder && findConfig(base, finder),
    views: { ...windowRules, ...stitchRules },
  };
  return [
    parts.readme,
    { path: "config.json", content: Buffer.from(`${JSON.stringify(config, null, 2)}\n`) },
    ...(await Promise.all(
      runners.map(async (name) => ({ path: name, content: await readFile(join(runnersFolder, name)) })),
    )),
    { path: "LICENCES.md", content: Buffer.from(`${base.licence}\n`) },
    { path: "decoder.onnx", content: decoder },
    ...(refine ? [{ path: "refine.onnx", content: await refineOnnxFile(refine) }] : []),
    ...(finder && parts.finder
      ? await findEntries(base, finder, { finder: parts.finder, decoder: parts.weights })
      : []),
    ...encoder,
  ];
}
