import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

/** Notes its start and its end, takes a while between, and leaves what npm leaves. */
const npm = `
const { appendFileSync, mkdirSync, writeFileSync } = require("node:fs");
appendFileSync("calls", "start ");
setTimeout(() => {
  mkdirSync("node_modules");
  writeFileSync("node_modules/.package-lock.json", "{}");
  appendFileSync("calls", "end ");
}, 500);
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "maskwright-run-"));
  for (const folder of ["tools", "src/main"]) await mkdir(join(root, folder), { recursive: true });
  await copyFile("tools/run.mjs", join(root, "tools/run.mjs"));
  await writeFile(join(root, "package-lock.json"), "{}");
  await writeFile(join(root, "npm.cjs"), npm);
  for (const builder of ["graphs", "console"])
    await writeFile(join(root, `src/main/build-${builder}.ts`), "");
  await writeFile(join(root, "program.ts"), "process.stdout.write('it runs');");
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function start(): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ["tools/run.mjs", "program.ts"], {
    cwd: root,
    env: { ...process.env, npm_execpath: join(root, "npm.cjs"), TMPDIR: root },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let said = "";
  child.stdout.on("data", (data) => (said += String(data)));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, said };
}

it("installs once, though three programs are started at the same time", async () => {
  const answers = await Promise.all([start(), start(), start()]);
  expect(answers).toEqual(answers.map(() => ({ code: 0, said: "it runs" })));
  expect(await readFile(join(root, "calls"), "utf8")).toBe("start end ");
});

it("ends its program, which tidies up, where npm is told to stop", async () => {
  const tidies =
    "process.on('SIGTERM', () => process.exit()); console.log('up', process.pid); setInterval(() => {}, 1e6);";
  await writeFile(join(root, "waits.ts"), tidies);
  // As `npm start` runs it: in a shell that npm's signal ends.
  const shell = spawn("/bin/sh", ["-c", `'${process.execPath}' tools/run.mjs waits.ts; true`], {
    cwd: root,
    env: { ...process.env, npm_execpath: join(root, "npm.cjs"), npm_lifecycle_event: "start", TMPDIR: root },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [said] = (await once(shell.stdout, "data")) as [Buffer];
  shell.kill("SIGTERM");
  // The pipe is closed when the last process that writes to it is gone.
  await once(shell, "close");
  const pid = Number(/up (\d+)/.exec(String(said))?.[1]);
  expect(pid).toBeGreaterThan(1);
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});
