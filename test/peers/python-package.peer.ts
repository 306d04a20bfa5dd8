import { execFile, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createLog } from "../../src/lib/log.ts";
import { startLocal } from "../../src/main/local.ts";
import type { Local } from "../../src/main/shared/local-server.ts";
import { testDatabase } from "../helpers/database.ts";
import { quickProgram } from "../helpers/programs.ts";
import { python } from "./python.ts";

const root = resolve(import.meta.dirname, "../..");
const path = [join(root, "python/src"), process.env["PYTHONPATH"] ?? ""]
  .filter((one) => one !== "")
  .join(":");
/** tools/test-peers.sh says so loudly where it is not. */
const has = spawnSync(python, ["-c", "import httpx, numpy, PIL, pycocotools"]).status === 0;

let folder: string;
let server: Local;
let database: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  if (!has) return;
  database = await testDatabase();
  vi.stubEnv("NODE_OPTIONS", quickProgram);
  folder = await mkdtemp(join(tmpdir(), "maskwright-python-"));
  const env = { DATA_DIR: join(folder, "data"), PORT: "0", LOG_LEVEL: "silent", DATABASE_URL: database.url };
  server = await startLocal(readConfig(env), createLog({ level: "silent", name: "python" }));
});
afterAll(async () => {
  await server?.stop();
  await database?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

// A fine-tune among other peers' work, behind which it computes.
const patience = { timeout: 900_000 };

it.skipIf(!has)("the notebook runs, and the package does what its user asks", patience, async () => {
  const work = join(folder, "notebook");
  await mkdir(work);
  // One epoch by hand: what is searched and taught beside it is the server's own, and tested there.
  const tuning = { epochs: 1, finder: "none", zoom: "none", refine: "none", prompts: "box" };
  const env = {
    ...process.env,
    PYTHONPATH: path,
    MASKWRIGHT_URL: server.url,
    MASKWRIGHT_KEY: server.key ?? "",
    TUNING: JSON.stringify(tuning),
    PAGES: "4",
  };
  const args = [join(root, "peers/python_package.py"), join(root, "examples/notebook/stamps.ipynb"), work];
  const { stdout } = await promisify(execFile)(python, args, { env, maxBuffer: 1e8 });
  const answer = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Record<string, unknown> & {
    notebook: { by: string; text: string };
    area: [number, number];
  };
  expect(answer).toMatchObject({
    projects: ["stamps from a notebook"],
    images: 3,
    masks: [[2, 240, 320], "bool"],
    supervision: { xyxy: [2, 4], mask: [2, 240, 320], confidence: [2], class_id: [2] },
    fiftyone: { label: "object", pasted: true },
    stored: ["page.png", "a page", true],
    agrees_with_coco: true,
    refused: [
      { status: 422, code: "box_zero_area", param: "prompts[0].box" },
      { status: 404, code: "project_not_found" },
      { status: 422, code: "mask_size_mismatch" },
      { status: 404, code: "version_not_found" },
      { status: 401, code: "invalid_api_key" },
    ],
  });
  expect(answer["exported"]).toBeGreaterThan(1_000_000);
  const [own, told] = answer.area;
  expect(own).toBe(told);
  expect(own).toBeGreaterThan(500);
  // The classes of two boxes that nobody named are one.
  expect(answer["supervision"]).toMatchObject({ data: [] });
  if (answer.notebook.by === "nbclient") {
    expect(answer.notebook).toMatchObject({ pictures: 3 });
    expect(answer.notebook.text).toMatch(
      /^version 1: mean IoU [\d.]+ -> [\d.]+\nIoU of the base [\d.]+, of version 1 [\d.]+$/m,
    );
  }
  if (answer["real_supervision"]) {
    const [, count, areas] = answer["real_supervision"] as [string, number, number[]];
    expect([count, areas]).toEqual([2, answer["areas"]]);
  }
});
