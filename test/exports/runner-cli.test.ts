import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const runners = new URL("../../src/exports/runners/", import.meta.url);
const never = (): never => {
  throw new Error("it was opened");
};

it("starts by a link to its folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-runner-"));
  const link = join(folder, "linked");
  await symlink(runners.pathname, link);
  const started = promisify(execFile)(process.execPath, [join(link, "predict.mjs")]);
  const stderr = expect.stringMatching(/^no image was named\nusage: /);
  await expect(started).rejects.toMatchObject({ code: 2, stderr });
  await rm(folder, { recursive: true });
});

it.each([
  ["a.png --box 1 2 3 4 --box 5 6 7 8", "one --box is taken"],
  ["a.png --find --box 1 2 3 4", "--find and --label take no --box and no --point"],
  ["a.png --label stamp --point 1 2 1", "--find and --label take no --box and no --point"],
  ["a.png --box 1 2 3 4 --threshold .5", "--threshold goes with --find or --label"],
  ["/nowhere/a.png --box 1 2 3 4", "/nowhere/a.png can't be read"],
])("refuses what it would do in part: %s", async (line, why) => {
  const { main } = (await import(new URL("maskwright_cli.mjs", runners).href)) as {
    main: (args: string[], openVersion: () => never) => Promise<void>;
  };
  const told = main(line.split(" "), never);
  await expect(told).rejects.toThrow(RangeError);
  await expect(told).rejects.toThrow(why);
});
