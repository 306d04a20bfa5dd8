import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { maskToPng } from "../../src/imaging/mask-png.ts";
import { createLog } from "../../src/lib/log.ts";
import { startLocal } from "../../src/main/local.ts";
import type { Local } from "../../src/main/shared/local-server.ts";
import { testDatabase } from "../helpers/database.ts";
import { quickProgram } from "../helpers/programs.ts";
import { asPng } from "../worlds/images.ts";
import { ringImage } from "../worlds/rings.ts";

// It trains; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 400_000 });

let folder: string;
let server: Local;
let database: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), "maskwright-cli-story-"));
  vi.stubEnv("NODE_OPTIONS", quickProgram);
  const env = { DATA_DIR: join(folder, "data"), PORT: "0", LOG_LEVEL: "silent", DATABASE_URL: database.url };
  server = await startLocal(readConfig(env), createLog({ level: "silent", name: "cli" }));
});
afterAll(async () => {
  await server?.stop();
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The program as a user starts it; what it wrote, and its exit code. */
async function maskwright(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: join(folder, "config"),
    MASKWRIGHT_URL: "",
    MASKWRIGHT_KEY: "",
  };
  const program = ["--disable-warning=ExperimentalWarning", "src/cli/main.ts", ...args];
  const child = spawn(process.execPath, program, { env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => (out += String(data)));
  child.stderr.on("data", (data) => (err += String(data)));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, out, err };
}

it("goes from a folder of images and masks to an exported version", async () => {
  const data = join(folder, "rings");
  for (const name of ["images", "masks"]) await mkdir(join(data, name), { recursive: true });
  for (let seed = 1; seed <= 4; seed++) {
    const { image, mask } = ringImage(seed);
    await writeFile(join(data, "images", `ring-${seed}.png`), await asPng(image));
    await writeFile(join(data, "masks", `ring-${seed}.png`), await maskToPng(mask));
  }
  await writeFile(join(data, ".DS_Store"), "");

  const login = await maskwright("login", "--url", server.url, "--key", server.key ?? "");
  expect(login).toMatchObject({ code: 0, err: "" });

  const imported = await maskwright("import", data, "--name", "rings", "--base-model", "auto");
  expect(imported).toMatchObject({ code: 0, err: "Not sent: hidden files (1): .DS_Store\n" });
  const [, project = ""] = /^4 images, 4 annotations in project (prj_\w+)\n$/.exec(imported.out) ?? [];
  expect(project).not.toBe("");

  expect(await maskwright("migrate", "cvat", join(data, "images"), "--name", "bare")).toMatchObject({
    code: 1,
    err: 'maskwright: no_masks: 4 images came in, but no mask of an object; export as "CVAT for images 1.1" or COCO with "Save images", or give the pictures\' folder with --images.\n',
  });
  const projects = JSON.parse((await maskwright("projects", "--json")).out) as Record<string, unknown>[];
  // The choice is open until its first fine-tune
  expect(projects).toMatchObject([{ id: project, name: "rings", base_choice: { tried: [] } }]);

  // As Hugging Face's imagefolder has it.
  const rows = [1, 2, 3, 4].map((seed) => ({
    file_name: `images/ring-${seed}.png`,
    mask_file_name: `masks/ring-${seed}.png`,
  }));
  await writeFile(join(data, "metadata.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
  const tuned = await maskwright("migrate", "hf", data, "--name", "moved", "--epochs", "1", "--seed", "3");
  expect(tuned.err).toMatch(
    /^Not sent: .+\n4 images, 4 annotations in project prj_\w+\nrecognised as imagefolder\n/,
  );
  expect(tuned.err).toMatch(/^Epoch 1: loss [\d.]+, selection mean IoU [\d.]+$/m);
  expect(tuned.out).toMatch(
    /^version 1 \((in)?active\): mean IoU [\d.]+ -> [\d.]+ on \d+ held-out images \([+-].+\)\nan answer takes [\d.]+ times the base's by box, [\d.]+ by click\nproject prj_\w+: http.+\ncurl http.+\n$/,
  );
  expect(tuned.code).toBe(0);
  const [, moved = ""] = /^project (prj_\w+)/m.exec(tuned.out) ?? [];
  // The line as a shell would read it.
  const [, url = "", body = ""] = /^curl (\S+) .+ -d '(.+)'$/m.exec(tuned.out) ?? [];
  const headers = { authorization: `Bearer ${server.key}`, "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body });
  expect(await answer.json()).toMatchObject({ object: "prediction", results: [{ version: 1 }] });

  // Killed and started again, it goes on where it was; here all is done.
  const again = await maskwright("migrate", "hf", data, "--name", "moved", "--epochs", "1", "--seed", "3");
  expect(again.err).toContain(`goes on in project ${moved}`);
  expect(again.err).toMatch(/^fine-tune ft_\w+ of the same data is succeeded$/m);
  expect([again.out, again.code]).toEqual([tuned.out, 0]);

  expect((await maskwright("versions", moved)).out.split("\n")[1]).toMatch(/^1 +(in)?active /);
  const file = join(folder, "one.onnx");
  expect(await maskwright("export", moved, "1", "--format", "onnx", "-o", file)).toMatchObject({ code: 0 });
  expect((await readFile(file)).length).toBeGreaterThan(1_000_000);
  const overlay = join(folder, "over.webp");
  const image = join(data, "images", "ring-1.png");
  const predicted = await maskwright(
    "predict",
    moved,
    image,
    "--box",
    "5,5,80,80",
    "--version",
    "1",
    "--overlay",
    overlay,
    "--json",
  );
  expect(JSON.parse(predicted.out)).toMatchObject({ object: "prediction", results: [{ version: 1 }] });
});
