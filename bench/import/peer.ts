import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

export interface PeerMeasured {
  readonly name: string;
  readonly seconds: number;
  readonly images: number;
  readonly objects: number;
  readonly peak_bytes: number;
}

/** bench/peers/read_coco.py on the same files; or why it could not run. */
export async function readWithPeer(
  folder: string,
  python: string | undefined,
): Promise<PeerMeasured | { missing: string }> {
  const own = join(import.meta.dirname, "../../.venv/bin/python");
  const program = python ?? (existsSync(own) ? own : undefined);
  if (program === undefined)
    return { missing: "no .venv here (npm run test:peers makes it), and no --python" };
  const script = resolve(import.meta.dirname, "../peers/read_coco.py");
  const child = spawn(program, [script, folder], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const failed = once(child, "error").then(([error]: Error[]) => String(error));
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  const problem = await Promise.race([ended.then(() => null), failed]);
  if (problem !== null) return { missing: problem };
  const [out, complaint] = await said;
  if (child.exitCode !== 0)
    return { missing: complaint.trim().split("\n").at(-1) ?? `exit ${child.exitCode}` };
  return JSON.parse(out) as PeerMeasured;
}
