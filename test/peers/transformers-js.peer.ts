import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Prompt } from "../../src/inference/types.ts";
import { testInference } from "../helpers/inference.ts";
import { localTestStore } from "../helpers/objects.ts";
import { filesOf } from "../helpers/unzip.ts";
import { exported, focuses, versionWith, writeCases } from "../worlds/bundles.ts";
import { asSharp } from "../worlds/images.ts";
import { sceneImage } from "../worlds/scene.ts";
import { askInBrowser, browserPath } from "./transformers-page.ts";

/** The folder in transformers.js 4.3, which tools/test-peers.sh installs. On real images: docs/exports.md. */
const home = resolve(import.meta.dirname, "../../.venv/transformers-js");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-transformers-js-"));
  const storage = await localTestStore();
  const inference = await testInference(storage.store);
  const version = await versionWith(storage.store, focuses["the whole image"] as (typeof focuses)[string]);
  const files = await filesOf(await exported(storage.store, version, { format: "transformersjs" }));
  for (const [name, bytes] of files) {
    const path = join(folder, "model", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  const prompts = (by: number): Prompt[] => [
    { box: [20 * by, 15 * by, 80 * by, 75 * by] },
    { points: [[150 * by, 140 * by, 1]] },
    { box: [108 * by, 18 * by, 172 * by, 62 * by], points: [[120 * by, 30 * by, 1]] },
  ];
  const scene = asSharp(sceneImage());
  await writeCases(join(folder, "cases"), inference, version, [
    { bytes: await scene.clone().png().toBuffer(), prompts: prompts(1) },
    { bytes: await scene.clone().resize({ width: 1320 }).png().toBuffer(), prompts: prompts(5.5) },
  ]);
  await inference.close();
  await storage.close();
});
afterAll(() => rm(folder, { recursive: true }));

describe.skipIf(!existsSync(home))("a folder for transformers.js", () => {
  it.each([
    ["fp32", 0.999],
    ["q8", 0.99],
  ])("answers as the API does, in %s", async (dtype, least) => {
    const script = join(import.meta.dirname, "ask-transformers.mjs");
    const given = [script, home, join(folder, "model"), join(folder, "cases"), dtype];
    const { stdout } = await promisify(execFile)(process.execPath, given);
    const rows = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as [number, number, number][];
    expect(rows).toHaveLength(6);
    for (const [ours] of rows) expect(ours).toBeGreaterThan(least);
    // What the card says of its own processor: not the same pixels.
    expect(Math.min(...rows.map(([, theirs]) => theirs))).toBeLessThan(0.99);
  });

  it.skipIf(browserPath === undefined)(
    "answers as the API does in a browser, and asks nobody else",
    async () => {
      const { ious, elsewhere } = await askInBrowser({
        transformers: join(home, "node_modules/@huggingface/transformers/dist"),
        onnxruntime: join(home, "node_modules/onnxruntime-web/dist"),
        model: join(folder, "model"),
        cases: join(folder, "cases"),
      });
      expect(ious).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)]);
      expect(Math.min(...(ious as number[]))).toBeGreaterThan(0.99);
      expect(elsewhere).toEqual([]);
    },
  );
});
