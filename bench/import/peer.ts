import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { noPython } from "../lib/options.ts";

export interface PeerMeasured {
  readonly name: string;
  readonly seconds: number;
  readonly images: number;
  readonly objects: number;
  readonly peak_bytes: number;
}

/** peers/read_coco.py on the same files; or why it could not run. */
export async function readWithPeer(
  folder: string,
  python: string | undefined,
): Promise<PeerMeasured | { missing: string }> {
  if (python === undefined) return { missing: noPython };
  const script = resolve(import.meta.dirname, "../../peers/read_coco.py");
  const child = spawn(python, [script, folder], { stdio: ["ignore", "pipe", "pipe"] });
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
