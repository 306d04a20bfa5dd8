import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import {
  brushRegion,
  polygonRegion,
  rectangleRegion,
  regionHead,
} from "../../src/exports/annotations/formats/label-studio-region.ts";
import { decodeBrush } from "../../src/imaging/brush-rle.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { brushOf } from "../../src/inference/workers/masks.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { randomMask } from "../worlds/images.ts";
import { python } from "./python.ts";

const root = resolve(import.meta.dirname, "../..");
const has = spawnSync(python, ["-c", "from label_studio_sdk.converter import brush"]).status === 0;

async function run(args: string[]): Promise<string> {
  const { status, stdout, stderr } = spawnSync(python, [join(root, "peers/label_studio.py"), ...args], {
    encoding: "utf8",
    maxBuffer: 1e8,
  });
  expect(status, stderr).toBe(0);
  return stdout;
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-label-studio-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it.skipIf(!has)(
  "label-studio-sdk makes the committed messages, and its brushes are read bit for bit",
  async () => {
    await inFolder(async (folder) => {
      await run(["messages", folder]);
      for (const name of ["setup", "predict", "annotation-created", "start-training"]) {
        const made = await readFile(join(folder, `label-studio-${name}.json`), "utf8");
        const committed = await readFile(
          join(root, `test/routes/reference/label-studio-${name}.json`),
          "utf8",
        );
        expect(JSON.parse(made)).toEqual(JSON.parse(committed));
      }
    });
  },
);

it.skipIf(!has)(
  "label-studio-sdk reads our regions: brushes to the same pixels and bytes, and all of them valid",
  async () => {
    const [width, height] = [61, 47];
    const size = { width, height };
    const control = (fromName: string) => ({ fromName, toName: "picture" });
    const masks = [1, 2, 3, 4].map((seed) => randomMask(width, height, seed, seed / 8));
    const brushes = masks.map((mask, i) => ({
      ...regionHead(`brush${i}`, control("brush"), size),
      ...brushRegion([...brushOf(encodeRle(mask))], ["stamp"]),
    }));
    const others = [
      {
        ...regionHead("p", control("outline"), size),
        ...polygonRegion([1, 1, 30, 2, 9, 40], size, ["stamp"]),
      },
      { ...regionHead("r", control("boxes"), size), ...rectangleRegion([1, 2, 30, 40], size, ["stamp"]) },
    ];
    const label = `<Label value="stamp"/>`;
    const config =
      `<View><Image name="picture" value="$image"/><BrushLabels name="brush" toName="picture">${label}</BrushLabels>` +
      `<PolygonLabels name="outline" toName="picture">${label}</PolygonLabels>` +
      `<RectangleLabels name="boxes" toName="picture">${label}</RectangleLabels></View>`;
    const predictions = [
      { result: brushes, model_version: "maskwright-1", score: 0.5 },
      { result: others, model_version: "maskwright-1", score: 0.5 },
    ];
    const read = await inFolder(async (folder) => {
      const file = join(folder, "predictions.json");
      await writeFile(file, JSON.stringify({ config, predictions }));
      // The SDK prints what it goes without before that.
      return JSON.parse((await run(["read", file])).trim().split("\n").at(-1) as string) as {
        regions: { sha256?: string; same_bytes?: boolean }[];
        valid: string[][] | null;
      };
    });
    const hashes = masks.map(({ data }) => sha256(data));
    expect(read.regions.slice(0, 4).map((one) => [one.sha256, one.same_bytes])).toEqual(
      hashes.map((hash) => [hash, true]),
    );
    for (const [i, { value }] of brushes.entries())
      if ("rle" in value)
        expect(decodeBrush(Uint8Array.from(value.rle), width, height).data).toEqual(masks[i]?.data);
    if (read.valid) expect(read.valid).toEqual([[], []]);
  },
);
