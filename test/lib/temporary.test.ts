import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sweepTemporary, temporaryFolder } from "../../src/lib/temporary.ts";

it("what killed processes have left goes, and nothing of those that live, nor of other machines", async () => {
  const base = await mkdtemp(join(tmpdir(), "maskwright-sweep-"));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const mine = basename(await temporaryFolder("upload", base));
  const named = (pid: number, machine?: string): string =>
    mine.replace(`-${process.pid}-`, `-${pid}-`).replace(/-[0-9a-f]{8}-/, machine ? `-${machine}-` : "$&");
  // The largest id that Linux gives is 4,194,304.
  const killed = named(4_999_999);
  const kept = [named(process.ppid), named(4_999_999, "00000000"), "maskwright-models", "others"];
  for (const name of [killed, ...kept]) await mkdir(join(base, name));
  expect(await sweepTemporary(base)).toEqual([killed]);
  expect((await readdir(base)).toSorted()).toEqual([mine, ...kept].toSorted());
  expect(await sweepTemporary(join(base, "nowhere"))).toEqual([]);
});
