import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "../..");
const venv = join(root, ".venv/bin/python");
/** The Python that tools/test-peers.sh made. */
export const python = existsSync(venv) ? venv : "python3";

/** Whether Meta's own code is there: tools/test-peers.sh says so loudly where it is not. */
export const hasMeta = spawnSync(python, ["-c", "import segment_anything"]).status === 0;

/** The same of SAM 2, which PyPI's mirrors have not: PYTHONPATH may name a checkout of facebookresearch/sam2. */
export const hasSam2 = spawnSync(python, ["-c", "import sam2.build_sam"]).status === 0;

/** Runs Python code with arguments; returns what it printed. */
export async function runPython(code: string, args: readonly string[] = []): Promise<string> {
  const run = promisify(execFile);
  const { stdout } = await run(python, ["-c", code, ...args], { maxBuffer: 1e8 });
  return stdout;
}

/** Runs one of peers/reference in a copy of the tree, and returns the file that it wrote. */
export async function remake(script: string, file: string, args: readonly string[]): Promise<unknown> {
  const copy = await mkdtemp(join(tmpdir(), "maskwright-reference-"));
  try {
    await cp(join(root, "peers/reference"), join(copy, "peers/reference"), { recursive: true });
    for (const folder of ["imaging", "parity"]) {
      await mkdir(join(copy, "test", folder, "reference"), { recursive: true });
    }
    await promisify(execFile)(python, [join(copy, "peers/reference", script), ...args]);
    return JSON.parse(await readFile(join(copy, file), "utf8"));
  } finally {
    await rm(copy, { recursive: true });
  }
}

export const committed = async (file: string): Promise<unknown> =>
  JSON.parse(await readFile(join(root, file), "utf8"));
