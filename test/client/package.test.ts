import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildClient } from "../../tools/build-client.ts";
import { overHttp, type TestApp, testApp } from "../helpers/app.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
/** A project of another: plain JavaScript, in a folder outside of ours. */
let project: string;
let app: TestApp;

beforeAll(async () => {
  app = await testApp();
  const folder = await mkdtemp(join(tmpdir(), "maskwright-client-"));
  project = join(folder, "project");
  await mkdir(project);
  await buildClient(join(folder, "package"));
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  // A cache of its own that holds nothing, and no registry: what it wanted beside the file would be missing.
  const quiet = [
    "--offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--cache",
    join(folder, "cache"),
  ];
  const npm = (...args: string[]) => run("npm", [...args, ...quiet], { cwd: project });
  await npm("pack", join(folder, "package"), "--pack-destination", project);
  const tarball = (await readdir(project)).find((name) => name.endsWith(".tgz"));
  await npm("install", `./${tarball}`);
});
afterAll(async () => {
  await app?.close();
  if (project) await rm(join(project, ".."), { recursive: true });
});

it("is installed from its file without a network, and asks a running server", async () => {
  expect((await readdir(join(project, "node_modules"))).filter((name) => !name.startsWith("."))).toEqual([
    "maskwright",
  ]);
  await writeFile(
    join(project, "program.mjs"),
    `import { createMaskwright, MaskwrightError } from "maskwright/client";
const maskwright = createMaskwright({ url: process.argv[2], key: process.argv[3] });
const made = await maskwright.post("/v1/projects", { body: { name: "installed" } });
const names = [];
for await (const one of maskwright.all((cursor) =>
  maskwright.get("/v1/projects", { params: { query: cursor ? { cursor } : {} } }))) names.push(one.name);
const gone = await maskwright.get("/v1/projects/{project_id}", { params: { path: { project_id: "prj_none" } } })
  .catch((error) => error instanceof MaskwrightError && error.code);
console.log(JSON.stringify({ id: made.id, names, gone }));
`,
  );
  await overHttp(app.app, async (url) => {
    const { stdout, stderr } = await run(process.execPath, ["program.mjs", url, app.a.key], { cwd: project });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      id: expect.stringMatching(/^prj_/),
      names: ["installed"],
      gone: "project_not_found",
    });
  });
});

it("brings its types, which tell a wrong field from a right one", async () => {
  await writeFile(
    join(project, "typed.ts"),
    `import { createMaskwright, type Project, rleOf } from "maskwright/client";
const maskwright = createMaskwright({ url: "http://127.0.0.1:3000" });
export const project: Project = await maskwright.post("/v1/projects", { body: { name: "typed" } });
const path = { project_id: project.id };
const body = { image: { id: "img_1" }, prompts: [{ box: [1, 2, 3, 4] as [number, number, number, number] }] };
const answer = await maskwright.post("/v1/projects/{project_id}/predict", { params: { path }, body });
export const counts: string[] = answer.results[0]!.predictions[0]!.masks.map((mask) => rleOf(mask).counts);
// @ts-expect-error: a project has a name
await maskwright.post("/v1/projects", { body: { title: "typed" } });
// @ts-expect-error: there is no such route
await maskwright.get("/v1/nothing");
`,
  );
  const options = ["--noEmit", "--strict", "--ignoreConfig", "--target", "es2023", "--lib", "es2023,dom"];
  const args = [
    join(root, "node_modules/typescript/bin/tsc"),
    ...options,
    "--module",
    "nodenext",
    "typed.ts",
  ];
  const { stdout } = await run(process.execPath, args, { cwd: project }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe("");
});
