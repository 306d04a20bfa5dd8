import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Prompt } from "../../src/inference/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { asSharp } from "../worlds/images.ts";
import { testInference } from "../helpers/inference.ts";
import { localTestStore, type TestStore } from "../helpers/objects.ts";
import { sceneImage } from "../worlds/scene.ts";
import {
  apiFound,
  apiMasks,
  type Asked,
  askBundle,
  focuses,
  unpackBundle,
  askFinds,
  versionWith,
  withFinder,
  writeCases,
} from "../worlds/bundles.ts";
import { python, runPython } from "./python.ts";

/** A bundle's runners beside the API. On 20 real images with 60 prompts: docs/exports.md. */

let storage: TestStore;
let inference: Inference;
let folder: string;
let asked: Asked[];
beforeAll(async () => {
  storage = await localTestStore();
  inference = await testInference(storage.store);
  folder = await mkdtemp(join(tmpdir(), "maskwright-bundles-"));
  const prompts = (by: number): Prompt[] => [
    { box: [20 * by, 15 * by, 80 * by, 75 * by] },
    { points: [[150 * by, 140 * by, 1]] },
    { box: [108 * by, 18 * by, 172 * by, 62 * by], points: [[120 * by, 30 * by, 1]] },
  ];
  const scene = asSharp(sceneImage());
  asked = [
    { bytes: await scene.clone().png().toBuffer(), prompts: prompts(1) },
    // Larger than what is refined at once, as a photograph that its camera held sideways.
    {
      bytes: await scene
        .clone()
        .resize({ width: 1320 })
        .rotate(-90)
        .withMetadata({ orientation: 6 })
        .jpeg({ quality: 95 })
        .toBuffer(),
      prompts: prompts(5.5),
    },
  ];
});
afterAll(async () => {
  await inference?.close();
  await storage?.close();
  await rm(folder, { recursive: true });
});

const open = async (name: string) => {
  const version = await versionWith(storage.store, focuses[name] as (typeof focuses)[string]);
  const bundle = await mkdtemp(join(folder, "bundle-"));
  await unpackBundle(storage.store, version, bundle);
  return { version, bundle };
};

describe("a bundle answers as the API does", () => {
  it.each(Object.keys(focuses))("in Python, with %s", async (name) => {
    const { version, bundle } = await open(name);
    const cases = join(bundle, "cases");
    await writeCases(cases, inference, version, asked);
    const printed = await runPython(askBundle, [bundle, cases]);
    const rows = JSON.parse(printed.trim().split("\n").at(-1) ?? "") as [number, number][];
    expect(rows).toHaveLength(6);
    for (const [iou, apart] of rows) {
      expect(iou).toBeGreaterThan(0.995);
      // Pillow and libvips decode a JPEG to slightly different pixels, .011 of a score at most when this was written.
      expect(apart).toBeLessThan(0.02);
    }
  });

  it("in JavaScript and from both command lines, with tiles and a point head", async () => {
    const { version, bundle } = await open("tiles and a point head");
    const [one] = asked as [Asked];
    const cases = join(bundle, "cases");
    await writeCases(cases, inference, version, [one]);
    const wanted = (await apiMasks(inference, version, one))[0]?.data as Uint8Array;
    const run = promisify(execFile);
    const box = one.prompts[0]?.box ?? [];
    const given = [join(cases, "0.img"), "--box", ...box.map(String), "--out", join(bundle, "mask.png")];
    for (const [program, script] of [
      [process.execPath, "predict.mjs"],
      [python, "predict.py"],
    ] as const) {
      const { stdout } = await run(program, [join(bundle, script), ...given]);
      expect(JSON.parse(stdout)).toMatchObject({ score: expect.any(Number), area: expect.any(Number) });
      const found = await sharp(await readFile(join(bundle, "mask.png")))
        .greyscale()
        .raw()
        .toBuffer();
      const both = found.filter((value, i) => value > 127 && wanted[i] === 1).length;
      const either = found.filter((value, i) => value > 127 || wanted[i] === 1).length;
      expect(both / either).toBeGreaterThan(0.995);
      await rm(join(bundle, "mask.png"));
      await expect(run(program, [join(bundle, script), given[0] as string])).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringContaining("a prompt has a box or a point"),
      });
      for (const [args, why] of [
        [[...given, ...given.slice(1, 6)], "one --box is taken"],
        [[...given, "--find"], "--find and --label take no --box"],
        [[...given, "--threshold", ".5"], "--threshold goes with --find or --label"],
        [[given[0] as string, "--point", "5", "5", "0.5"], "its label is not 0 or 1"],
        [[join(bundle, "none.png"), ...given.slice(1)], "none.png"],
      ] as const)
        await expect(run(program, [join(bundle, script), ...args])).rejects.toMatchObject({
          code: 2,
          stderr: expect.stringContaining(why),
        });
    }
  });

  it.each(["the whole image", "tiles and a point head"])(
    "and finds in both languages, with %s",
    async (name) => {
      const plain = await versionWith(storage.store, focuses[name] as (typeof focuses)[string]);
      const version = await withFinder(storage.store, plain, 2);
      const bundle = await mkdtemp(join(folder, "bundle-"));
      await unpackBundle(storage.store, version, bundle);
      const [{ bytes }] = asked as [Asked];
      const { width, height } = sceneImage();
      const wanted = await apiFound(inference, version, { bytes, size: [height, width], most: 100 });
      // Those behind the twelfth window are answered plainly
      expect(wanted.some((object) => object.plain)).toBe(name !== "the whole image");
      await writeFile(join(bundle, "image.png"), bytes);
      for (const [i, { mask }] of wanted.entries()) await writeFile(join(bundle, `${i}.u8`), mask);
      const printed = await runPython(askFinds, [bundle]);
      const rows = JSON.parse(printed.trim().split("\n").at(-1) ?? "") as [string, number, number, number][];
      expect(rows.map(([label]) => label)).toEqual(wanted.map(({ label }) => label));
      for (const [i, [, labelScore, score, iou]] of rows.entries()) {
        expect(labelScore).toBeCloseTo(wanted[i]?.labelScore ?? 0, 4);
        expect(score).toBeCloseTo(wanted[i]?.score ?? 0, 3);
        expect(iou).toBeGreaterThan(0.99);
      }
      // Twelve windows on one thread of WebAssembly take minutes; test/exports has windows in JavaScript
      if (name !== "the whole image") return;
      const run = promisify(execFile);
      const given = [join(bundle, "image.png"), "--label", "rings", "--threshold", "0.6"];
      const told = [];
      for (const [program, script] of [
        [process.execPath, "predict.mjs"],
        [python, "predict.py"],
      ] as const) {
        const out = join(bundle, `${script}.png`);
        const { stdout } = await run(program, [join(bundle, script), ...given, "--out", out]);
        const { objects } = JSON.parse(stdout) as { objects: { label: string; area: number }[] };
        const numbers = await sharp(out).toColourspace("grey16").raw({ depth: "ushort" }).toBuffer();
        const values = new Uint16Array(numbers.buffer, numbers.byteOffset, numbers.length / 2);
        told.push({ objects, numbers: new Set(values).size });
      }
      const [js, py] = told;
      expect(js?.objects.length).toBeGreaterThan(2);
      expect(js?.objects.every(({ label }) => label === "ring")).toBe(true);
      expect(js?.objects.map(({ label }) => label)).toEqual(py?.objects.map(({ label }) => label));
      expect(js?.numbers).toBe(py?.numbers);
    },
  );
});
