// Runs one of the project's programs on the project's own Node, installing and building what is missing first:
//   node tools/run.mjs FILE [ARG ...]
// This file alone runs on whatever Node the machine has, with nothing installed, so it is plain JavaScript without
// dependencies.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = join(root, "node_modules", ".maskwright-install");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");

/** True when node_modules was installed from this very lock file, by us or by a plain `npm ci`. */
function installed() {
  if (!existsSync(join(root, "node_modules", ".package-lock.json"))) return false;
  return !existsSync(stamp) || readFileSync(stamp, "utf8") === wanted;
}

function run(command, args, what) {
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  const result = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", 2, 2] });
  if (result.status === 0) return;
  fail(`${what} failed (${result.error?.message ?? `status ${result.status}`}).`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  return process.exit(1);
}

/**
 * Runs `work` while no other start of this folder does: two at once, `npm start` here and `npm run demo` there, would
 * install over each other. The lock lies outside node_modules, which `npm ci` empties.
 */
function alone(work) {
  const lock = join(
    tmpdir(),
    `maskwright-install-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`,
  );
  const holder = join(lock, "pid");
  const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  for (let waits = 0; ; waits++) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    // A holder that was killed leaves its lock; one that was made just now may not have its name in it yet.
    if (waits === 4)
      process.stderr.write(`Another start prepares this folder; waiting (its lock: ${lock}) ...\n`);
    if (!alive(holder) && waits > 4) rmSync(lock, { recursive: true, force: true });
    else sleep(200);
  }
  writeFileSync(holder, String(process.pid));
  // `fail` ends the process from within.
  const release = () => rmSync(lock, { recursive: true, force: true });
  process.on("exit", release);
  work();
  process.off("exit", release);
  release();
}

function alive(holder) {
  try {
    process.kill(Number(readFileSync(holder, "utf8")) || 2 ** 30, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function install() {
  process.stderr.write("Installing packages (npm ci) ...\n");
  // Under `npm start` the npm that runs is known; elsewhere the one on the PATH is taken.
  const npm = process.env.npm_execpath;
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  if (npm) run(process.execPath, [npm, ...args], "npm ci");
  else run(process.platform === "win32" ? "npm.cmd" : "npm", args, "npm ci");
}

/** The machine's own where that is 22.12 or later, as pg-boss and type stripping want it; else npm's Node 22. */
function projectNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return process.execPath;
  const { platform, arch } = process;
  const names = [`node-${platform === "win32" ? "win" : platform}-${arch}`, `node-bin-${platform}-${arch}`];
  for (const name of names) {
    const path = join(root, "node_modules", name, "bin", platform === "win32" ? "node.exe" : "node");
    if (existsSync(path)) return path;
  }
  return fail(
    `Node 22.12 or later is needed: this is ${process.version}, and npm has none for ${platform}-${arch}.`,
  );
}

const [file, ...rest] = process.argv.slice(2);
if (!file) {
  process.stderr.write("usage: node tools/run.mjs FILE [ARG ...]\n");
  process.exit(2);
}

/** What is built from the sources; each sees by itself whether there is anything to do. */
const builders = [
  ["src/main/build-graphs.ts", "Building the decoder graphs"],
  ["src/main/build-console.ts", "Building the console"],
];

let node = process.execPath;
alone(() => {
  if (!installed()) install();
  if (!existsSync(stamp)) writeFileSync(stamp, wanted);
  node = projectNode();
  for (const [builder, what] of builders)
    if (file !== builder) run(node, [...quiet(), builder, "--if-stale"], what);
});

/** Type stripping is what we run on; its notice that it is experimental tells a user nothing. */
function quiet() {
  return ["--disable-warning=ExperimentalWarning"];
}

/** What serves gives memory back soon, as src/lib/malloc.ts says; training is slower so. */
const serving = ["src/main/local.ts", "src/main/server.ts"].includes(file);
const givesBack = serving ? { MALLOC_MMAP_THRESHOLD_: "1048576", MALLOC_TRIM_THRESHOLD_: "4194304" } : {};

const child = spawn(node, [...quiet(), file, ...rest], {
  // The current folder stays the caller's, so that paths in arguments mean what they say.
  cwd: process.cwd(),
  stdio: "inherit",
  env: {
    ...givesBack,
    ...process.env,
    PATH: `${dirname(node)}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}`,
  },
});
for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"]) {
  process.on(signal, () => {
    // Ctrl-C in a terminal reaches the whole process group: the child has it already.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}
// npm passes SIGTERM to the shell that it started this in, which ends and tells nobody: then we are another's child.
if (process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, 250);
  watch.unref();
}
child.on("exit", (code, signal) => {
  if (signal) process.exit(128 + ({ SIGINT: 2, SIGTERM: 15, SIGKILL: 9, SIGHUP: 1 }[signal] ?? 0));
  process.exit(code ?? 1);
});
