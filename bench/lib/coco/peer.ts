import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { noPython } from "../options.ts";

/** What a script of peers/ says of the set in `folder`, its one line of JSON; or why it could not run. */
export async function askPeer<T extends object>(
  script: string,
  folder: string,
  python: string | undefined,
): Promise<T | { missing: string }> {
  if (python === undefined) return { missing: noPython };
  const path = resolve(import.meta.dirname, "../../../peers", script);
  const child = spawn(python, [path, folder], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const failed = once(child, "error").then(([error]: Error[]) => String(error));
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  const problem = await Promise.race([ended.then(() => null), failed]);
  if (problem !== null) return { missing: problem };
  const [out, complaint] = await said;
  if (child.exitCode !== 0)
    return { missing: complaint.trim().split("\n").at(-1) ?? `exit ${child.exitCode}` };
  return JSON.parse(out) as T;
}
