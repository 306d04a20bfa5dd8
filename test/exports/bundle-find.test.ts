import ort from "../../src/lib/onnxruntime.ts";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { exportApart } from "../../src/exports/apart.ts";
import { modelCard } from "../../src/exports/card.ts";
import type { ExportFormat } from "../../src/exports/types.ts";
import { plainFocus } from "../../src/domain/focus.ts";
import type { RgbImage } from "../../src/imaging/types.ts";
import type { Version } from "../../src/db/queries/versions.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { testInference } from "../helpers/inference.ts";
import { localTestStore, type TestStore } from "../helpers/objects.ts";
import { filesOf } from "../helpers/unzip.ts";
import { apiFound, exported, focuses, versionWith, withFinder } from "../worlds/bundles.ts";
import { asPng } from "../worlds/images.ts";
import { createMemoryBudget } from "../../src/lib/memory-budget.ts";
import { sceneImage } from "../worlds/scene.ts";

// Four windows are encoded; on a busy machine that takes a minute.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const image = sceneImage();
const { zoom } = focuses["one window"] ?? plainFocus;
const { refine } = focuses["a point head"] ?? plainFocus;
let storage: TestStore;
let inference: Inference;
let bytes: Uint8Array;
beforeAll(async () => {
  storage = await localTestStore();
  inference = await testInference(storage.store);
  bytes = await asPng(image);
});
afterAll(async () => {
  await inference?.close();
  await storage?.close();
});

/** What predict.mjs finds. */
interface Found {
  readonly mask: Uint8Array;
  readonly label: string | null;
  readonly labelScore: number;
  readonly score: number;
}
type Asked = Record<string, unknown>;

/** What predict.mjs asks of onnxruntime-web, by the same programs natively: test/peers has it on onnxruntime-web. */
const runtime = {
  env: { wasm: {} },
  Tensor: ort.Tensor,
  InferenceSession: {
    create: (file: Uint8Array) =>
      ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 }),
  },
};

/** The version of a bundle in memory. */
async function opened(
  version: Version,
): Promise<{ find(picture: RgbImage, asked: Asked): Promise<{ objects: Found[]; left: number }> }> {
  const path = new URL("../../src/exports/runners/predict.mjs", import.meta.url).href;
  const { openVersion } = (await import(path)) as {
    openVersion: (given: object) => ReturnType<typeof opened>;
  };
  // As a request's is made: in a thread of its own, which is given the files that it asks for
  const subject = { projectId: "prj_1", base: baseModel("mobile_sam"), version };
  const context = { store: storage.store, memory: createMemoryBudget(2 ** 30) };
  const { content } = await exportApart(context, subject, asBundle, "ws_1");
  const files = await filesOf(await buffer(content as Readable));
  return openVersion({ ort: runtime, read: async (name: string) => files.get(name) as Uint8Array });
}

let bundleOfSmall: ReturnType<typeof opened> | undefined;
/** The bundle that two tests ask. */
const small = (): ReturnType<typeof opened> =>
  (bundleOfSmall ??= versionWith(storage.store, plainFocus)
    .then((plain) => withFinder(storage.store, plain, 2))
    .then(opened));

const asBundle = { format: "bundle", full: false, variant: "all" } as const;

const iou = (a: Uint8Array, b: Uint8Array): number => {
  const both = a.filter((value, i) => value === 1 && b[i] === 1).length;
  return both / a.filter((value, i) => value === 1 || b[i] === 1).length;
};

describe("a bundle with a finder, in JavaScript", () => {
  it.each([
    { name: "small boxes on the whole image", pool: 2, focus: plainFocus, most: 8, least: 5 },
    { name: "windows that a point head refines", pool: 4, focus: { zoom, refine }, most: 2, least: 2 },
  ] as const)("finds what the API finds: $name", async ({ pool, focus, most, least }) => {
    const version = await withFinder(storage.store, await versionWith(storage.store, focus), pool);
    const wanted = await apiFound(inference, version, { bytes, size: [image.height, image.width], most });
    const bundle = await (pool === 2 ? small() : opened(version));
    const { objects } = await bundle.find(image, { most });
    expect(objects.length).toBeGreaterThanOrEqual(least);
    expect(objects.map(({ label }) => label)).toEqual(wanted.map(({ label }) => label));
    for (const [i, { mask, ...told }] of wanted.entries()) {
      const found = objects[i] as Found;
      expect(found.labelScore).toBeCloseTo(told.labelScore, 4);
      expect(found.score).toBeCloseTo(told.score, 3);
      expect(iou(found.mask, mask)).toBeGreaterThan(0.99);
    }
  });

  it("keeps to the label, threshold, region and number that are asked for", async () => {
    const bundle = await small();
    const region = [0, 0, image.width / 2, image.height];
    const all = await bundle.find(image, { most: 100 });
    const { objects, left } = await bundle.find(image, { label: " berries", most: 2, region });
    expect(objects.length).toBeGreaterThan(0);
    for (const { label, mask } of objects) {
      expect(label).toBe("Berry");
      expect(all.objects.some((one) => iou(one.mask, mask) === 1)).toBe(true);
    }
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(all.objects.length);
    expect(await bundle.find(image, { threshold: 0.99 })).toEqual({ objects: [], left: 0 });
    await expect(bundle.find(image, { label: "stamp" })).rejects.toThrow(
      'label "stamp" is not known; these are: ring, Berry',
    );
    await expect(bundle.find(image, { threshold: 2 })).rejects.toThrow("a threshold lies from 0 to 1");
  });

  it("refuses where the version has none, and its zip says so", async () => {
    const version = await versionWith(storage.store, plainFocus);
    const files = await filesOf(await exported(storage.store, version, {}));
    expect([...files.keys()].filter((name) => name.startsWith("find/"))).toEqual([]);
    await expect((await opened(version)).find(image, {})).rejects.toThrow("this version has no finder");
  });

  it("is told of in the card, and in those of other files as what they lack", async () => {
    const version = await withFinder(storage.store, await versionWith(storage.store, plainFocus), 1);
    const subject = { projectId: "prj_1", base: baseModel("mobile_sam"), version };
    const cardOf = (format: ExportFormat) => modelCard(subject, { format, full: false, variant: "all" });
    expect(cardOf("bundle")).toContain("`find/finder.onnx` and, of SAM, `find/near.onnx`");
    expect(cardOf("onnx")).toContain("what it finds with is in `format=bundle` alone");
  });

  it("is no bundle where the finder's file is not the one that was registered", async () => {
    const version = await withFinder(storage.store, await versionWith(storage.store, plainFocus), 1);
    const other = version.finder && { ...version.finder, sha256: "0".repeat(64) };
    await expect(exported(storage.store, { ...version, finder: other }, {})).rejects.toMatchObject({
      code: "version_damaged",
    });
  });
});
