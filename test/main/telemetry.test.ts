import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { buildGraphs } from "../../src/graphs/build.ts";
import { kindNames } from "./sessions.ts";

const program = resolve(import.meta.dirname, "sessions.ts");

it.each(kindNames)("onnxruntime keeps nothing about its user, and no device id: %s", async (kind) => {
  await buildGraphs();
  const home = await mkdtemp(join(tmpdir(), "maskwright-home-"));
  // Only what a process needs; above all not the switch, which is ours to set.
  const env = { PATH: process.env["PATH"], HOME: home, USERPROFILE: home, LOCALAPPDATA: home };
  const node = ["--disable-warning=ExperimentalWarning", program, kind];
  const { stdout } = await promisify(execFile)(process.execPath, node, { env });
  expect(stdout).toBe(`${kind}: done\n`);
  expect(await readdir(home, { recursive: true })).toEqual([]);
  await rm(home, { recursive: true });
});
