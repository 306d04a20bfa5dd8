import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { type BaseModel, baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import type { Version } from "../../src/db/queries/versions.ts";
import { exportVersion } from "../../src/exports/index.ts";
import type { ExportOptions } from "../../src/exports/types.ts";
import { type HeadBounds, headParts, type PointHead, writeHead } from "../../src/imaging/points/head.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { FinderPool } from "../../src/domain/finder.ts";
import { finderShapes, outputsOf, sideUnit } from "../../src/domain/finder-layout.ts";
import type { RleMask, Size } from "../../src/imaging/types.ts";
import type { FindingVersion } from "../../src/inference/find/types.ts";
import type { Prompt } from "../../src/inference/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import type { Focus } from "../../src/domain/focus.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { seededRandom } from "../../src/lib/random.ts";
import type { ObjectStore } from "../../src/storage/store.ts";
import { filesOf } from "../helpers/unzip.ts";

/** Versions with every kind of focus, exported as bundles and asked beside the API. */

/** A point head nobody trained: it moves logits by a few units, and so every edge. */
export function someHead(
  seed = 7,
  bounds: HeadBounds = {},
): Extract<NonNullable<Focus["refine"]>, { point_head: unknown }> {
  const random = seededRandom(seed);
  const hidden = 16;
  const head = Object.fromEntries(
    headParts(hidden).map(([part, count]) => [
      part,
      Float32Array.from({ length: count }, () =>
        part === "scale" ? 1 : part === "mean" ? 0 : random.normal() * 0.4,
      ),
    ]),
  ) as unknown as Omit<PointHead, "hidden">;
  return writeHead({ hidden, ...head }, { scoreShift: 0.05, ...bounds });
}

const filter = { radius: 6, epsilon: 1e-3, threshold: 0.4, most_pixels: 60_000 };
const window = { context: 1.5, tiles: 1, click_side: 120 };

export const focuses: Readonly<Record<string, Focus>> = {
  "the whole image": { zoom: null, refine: null },
  "a point head": { zoom: null, refine: someHead(7, { mostPoints: 2000, mostPixels: 60_000 }) },
  "a guided filter": { zoom: null, refine: filter },
  "one window": { zoom: window, refine: null },
  "tiles and a point head": {
    zoom: { ...window, tiles: 2, raster: 0.125 },
    refine: someHead(8, { mostPixels: 4096 }),
  },
};

/** A version of a decoder, mobile_sam's by default, a little changed, with a focus set by hand. */
export async function versionWith(
  store: ObjectStore,
  focus: Focus,
  base: Pick<BaseModel, "name" | "decoderWeights"> = baseModel("mobile_sam"),
): Promise<Version> {
  const weights = Object.fromEntries(
    Object.entries(await base.decoderWeights()).map(([name, { shape, data }]) => [
      name,
      { shape, data: name.startsWith("mask_decoder.") ? data.map((value) => value * 1.002) : data },
    ]),
  );
  const file = encodeSafetensors(weights);
  const weightsKey = `versions/of-peers-${base.name}.safetensors`;
  await store.put(weightsKey, file);
  return {
    id: "ver_1",
    workspaceId: "ws_1",
    projectId: "prj_1",
    number: 1,
    fineTuneId: null,
    finder: null,
    refit: null,
    imported: {
      format: "safetensors",
      fileName: null,
      sha256: sha256(file),
      bytes: file.length,
      says: {},
      actor: "key_1",
    },
    baseModel: base.name,
    parentVersion: null,
    weightsKey,
    weightsSha256: sha256(file),
    weightsBytes: file.length,
    focus,
    snapshotHash: null,
    snapshotKey: null,
    hyperparameters: {},
    seed: null,
    engine: null,
    metrics: null,
    signature: null,
    createdAt: new Date("2026-11-29T00:00:00Z"),
  };
}

/**
 * A version that has a finder, too, whose weights nobody trained: all over an image it sees objects of two labels, each some
 * 4 to 10 cells a side.
 */
export async function withFinder(store: ObjectStore, version: Version, pool: FinderPool): Promise<Version> {
  const random = seededRandom(9);
  const labels = ["ring", "Berry"];
  const outputs = outputsOf(labels.length);
  const sideOf = Math.log(6 / (sideUnit * pool));
  const values: Record<string, (i: number, rows: number) => number> = {
    mean: () => 0,
    scale: () => 5,
    "head.bias": (i) => (i % outputs < 2 * labels.length ? -1 : sideOf),
    "head.weight": (i) => random.normal() * (i % outputs < 2 * labels.length ? 0.3 : 0.05),
  };
  const weights = Object.fromEntries(
    Object.entries(finderShapes(labels.length)).map(([name, shape]) => {
      const fill = values[name] ?? ((_i, rows) => (random.normal() * 1.5) / Math.sqrt(rows));
      const count = shape.reduce((product, side) => product * side, 1);
      return [name, { shape, data: Float32Array.from({ length: count }, (_, i) => fill(i, shape[0] ?? 1)) }];
    }),
  );
  const file = encodeSafetensors(weights);
  const key = `versions/of-peers-finder-${pool}.safetensors`;
  await store.put(key, file);
  const calibration = { slope: 0.2, offset: -2 };
  const finder = { key, sha256: sha256(file), bytes: file.length, labels, pool, threshold: 0.5, calibration };
  return { ...version, finder };
}

/** What the API finds, at most so many: one byte a pixel, and what else it tells. */
export async function apiFound(
  inference: Inference,
  version: Version,
  { bytes, size, most }: { bytes: Uint8Array; size: Size; most: number },
): Promise<{ mask: Uint8Array; label: string | null; labelScore: number; score: number; plain: boolean }[]> {
  const { results } = await inference.find({
    workspaceId: "ws_1",
    baseModel: version.baseModel,
    image: { sha256: sha256(bytes), bytes: async () => bytes, size },
    versions: [version as FindingVersion],
    asks: [{}],
    most,
    format: "rle",
    maxAnswerText: 1e7,
  });
  return (results[0]?.asks[0]?.objects ?? []).map(({ mask, label, labelScore, score, plain = false }) => ({
    mask: decodeRle(mask as RleMask).data,
    label,
    labelScore,
    score,
    plain,
  }));
}

export async function exported(
  store: ObjectStore,
  version: Version | null,
  options: Partial<ExportOptions>,
  base = baseModel("mobile_sam"),
): Promise<Buffer> {
  const { content } = await exportVersion(
    store,
    { projectId: "prj_1", base, version },
    { format: "bundle", full: false, variant: "all", ...options },
  );
  return buffer(content instanceof Readable ? content : Readable.from([content]));
}

/** A version's bundle, unpacked into a folder that is made for it; beside it the packages that predict.mjs imports. */
export async function unpackBundle(store: ObjectStore, version: Version, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = await filesOf(await exported(store, version, {}));
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  await symlink(resolve(import.meta.dirname, "../../node_modules"), join(folder, "node_modules"));
}

export interface Asked {
  readonly bytes: Uint8Array;
  readonly prompts: readonly Prompt[];
}

/** The API's masks, one byte a pixel, a prompt at a time. */
export async function apiMasks(
  inference: Inference,
  version: Pick<Version, "baseModel" | "number">,
  { bytes, prompts }: Asked,
): Promise<{ data: Uint8Array; score: number }[]> {
  const { results } = await inference.predict({
    image: { sha256: sha256(bytes), bytes: async () => bytes },
    workspaceId: "ws_1",
    baseModel: version.baseModel,
    versions: [version],
    prompts,
    multimask: false,
    format: "rle",
  });
  return (results[0]?.predictions ?? []).map(({ masks: [answer] }) => {
    if (answer?.mask.format !== "rle") throw new Error("no mask came");
    return { data: decodeRle(answer.mask).data, score: answer.score };
  });
}

/**
 * Python that asks a bundle (argv 1) all prompts of cases.json in a folder (argv 2), and prints a JSON list of
 * [IoU with the API's mask, |score - the API's|].
 */
export const askBundle = `
import json, sys
import numpy as np
from PIL import Image
sys.path.insert(0, sys.argv[1])
from predict import Version
folder = sys.argv[2]
version = Version(sys.argv[1])
rows = []
for case in json.load(open(folder + "/cases.json")):
    image = Image.open(folder + "/" + case["image"])
    for k, prompt in enumerate(case["prompts"]):
        mask, score = version.predict(image, prompt.get("box"), prompt.get("points", ()))
        wanted = np.fromfile(f"{folder}/{case['image']}.{k}.u8", np.uint8).reshape(mask.shape) > 0
        both, either = (mask & wanted).sum(), (mask | wanted).sum()
        rows.append([float(both / either) if either else 1.0, abs(score - case["scores"][k])])
print(json.dumps(rows))
`;

/** Python that finds with a bundle (argv 1) on its image.png: a JSON list of [label, label score, score, IoU with the API's]. */
export const askFinds = `
import json, sys
import numpy as np
from PIL import Image
folder = sys.argv[1]
sys.path.insert(0, folder)
from predict import Version
objects, left = Version(folder).find(Image.open(folder + "/image.png"))
rows = []
for k, one in enumerate(objects):
    mask = one["mask"]
    wanted = np.fromfile(f"{folder}/{k}.u8", np.uint8).reshape(mask.shape) > 0
    iou = (mask & wanted).sum() / (mask | wanted).sum()
    rows.append([one["label"], one["label_score"], one["score"], float(iou)])
print(json.dumps(rows))
`;

/** Writes images, prompts and the API's answers where askBundle finds them. */
export async function writeCases(
  folder: string,
  inference: Inference,
  version: Version,
  asked: readonly Asked[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const cases = [];
  for (const [i, one] of asked.entries()) {
    const image = `${i}.img`;
    await writeFile(join(folder, image), one.bytes);
    const answers = await apiMasks(inference, version, one);
    for (const [k, { data }] of answers.entries()) await writeFile(join(folder, `${image}.${k}.u8`), data);
    cases.push({ image, prompts: one.prompts, scores: answers.map(({ score }) => score) });
  }
  await writeFile(join(folder, "cases.json"), JSON.stringify(cases));
}
