import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { messageOf } from "../../src/lib/errors.ts";
import { noPython, pythonOf } from "./options.ts";

/** A program of peers/ that runs beside ours and does what it is asked for, one thing a line. */
export interface PeerProcess {
  readonly name: string | null;
  /** Why there is none, when there is none. */
  readonly note?: string;
  /** Does one thing; the milliseconds are the peer's own measure. */
  readonly ask: ((line: string) => Promise<number>) | null;
  stop(): void;
}

/**
 * Starts a script of peers/, whose first line says `{"name": ...}`, and each other one `{"ms": ...}`; without Python, or
 * where the script can't start, there is a note in its place.
 */
export async function startPeer(
  script: string,
  args: readonly string[],
  asked: string | undefined,
): Promise<PeerProcess> {
  const none = (note: string): PeerProcess => ({ name: null, note, ask: null, stop: () => undefined });
  const python = pythonOf(asked);
  if (python === undefined) return none(noPython);
  const child = spawn(python, [resolve(import.meta.dirname, "../../peers", script), ...args]);
  const next = answers(child);
  try {
    const { name } = (await next()) as { name: string };
    const ask = async (line: string): Promise<number> => {
      child.stdin.write(`${line}\n`);
      return ((await next()) as { ms: number }).ms;
    };
    return { name, ask, stop: () => void child.stdin.end() };
  } catch (error) {
    child.stdin.end();
    return none(`${python}: ${messageOf(error)}`);
  }
}

/** The lines of JSON that a process prints, one a call; rejects with the end of its stderr when it ends. */
function answers(child: ChildProcessWithoutNullStreams): () => Promise<unknown> {
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors = (errors + text.toString()).slice(-400)));
  const ended = new Promise<never>((_, reject) => {
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`it ended with code ${code}: ${errors.trim()}`)));
  });
  // Nobody may be waiting when it ends as it should.
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const line = await Promise.race([lines.next(), ended]);
    if (line.done) return ended;
    return JSON.parse(line.value) as unknown;
  };
}
