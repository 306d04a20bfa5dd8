import { mkdtemp, mkdir, readdir, rm, stat } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "./hash.ts";

/** Process ids are a machine's, or a container's, own; several may share a folder. */
const here = sha256(hostname()).slice(0, 8);

/** A new folder whose name tells which process it belongs to; whoever makes it removes it. */
export async function temporaryFolder(what: string, base = tmpdir()): Promise<string> {
  await mkdir(base, { recursive: true });
  return mkdtemp(join(base, `maskwright-${what}-${here}-${process.pid}-`));
}

/** Removes the folders of processes of this machine that were killed. Never rejects: the next start tries again. */
export async function sweepTemporary(base = tmpdir()): Promise<string[]> {
  const swept: string[] = [];
  for (const name of await readdir(base).catch(() => [])) {
    const [, machine, pid] = /^maskwright-[a-z]+-([0-9a-f]{8})-(\d+)-\w+$/.exec(name) ?? [];
    if (machine !== here || pid === undefined) continue;
    const folder = join(base, name);
    if (await belongs(folder, Number(pid))) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => {});
    swept.push(name);
  }
  return swept;
}

/** Whether the process lives. In a container ids start again, so one of our own id may be older than we are. */
async function belongs(folder: string, pid: number): Promise<boolean> {
  if (pid === process.pid) {
    const { birthtimeMs, mtimeMs } = await stat(folder).catch(() => ({ birthtimeMs: 0, mtimeMs: 0 }));
    return Math.max(birthtimeMs, mtimeMs) >= Date.now() - process.uptime() * 1000;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
