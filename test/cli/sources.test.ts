import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { folderSource, type Source, tarSource } from "../../src/cli/sources.ts";

let outside: string;
let folder: string;
beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), "maskwright-sources-"));
  folder = join(outside, "data");
  await mkdir(join(folder, "images"), { recursive: true });
  for (const name of ["images/a.png", "images/b.png"]) await writeFile(join(folder, name), name);
});
afterAll(async () => {
  await rm(outside, { recursive: true, force: true });
});

async function filesOf(source: Source): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const tar = extract();
  const fed = pipeline(Readable.from(source.read()), tar as unknown as NodeJS.WritableStream);
  for await (const entry of tar) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    files.set(entry.header.name, Buffer.concat(parts).toString());
  }
  await fed;
  return files;
}

it("names files below the folder, however the folder is written", async () => {
  const here = `./${relative(process.cwd(), folder)}`;
  for (const written of [folder, `${folder}/`, here, `${here}/`, `${folder}/../data`]) {
    const source = await folderSource(written);
    expect([...(await filesOf(source)).keys()]).toEqual(["images/a.png", "images/b.png"]);
    expect(source).toMatchObject({ name: "data.tar", leftBehind: [] });
  }
});

it("says which links and hidden files stay behind, and reads nothing outside", async () => {
  await writeFile(join(outside, "secret"), "outside");
  await mkdir(join(outside, "more"));
  await writeFile(join(outside, "more", "c.png"), "outside");
  await symlink(join(outside, "secret"), join(folder, "images", "c.png"));
  await symlink(join(outside, "more"), join(folder, "linked"));
  await mkdir(join(folder, ".git", "refs"), { recursive: true });
  for (const name of [".git/HEAD", ".git/refs/main", "images/.DS_Store"])
    await writeFile(join(folder, name), "hidden");
  const source = await folderSource(folder);
  expect(source.leftBehind).toEqual([
    { kind: "hidden files", names: [".git/", "images/.DS_Store"] },
    { kind: "symbolic links", names: ["images/c.png", "linked"] },
  ]);
  expect(await filesOf(source)).toEqual(
    new Map([
      ["images/a.png", "images/a.png"],
      ["images/b.png", "images/b.png"],
    ]),
  );
});

it("puts an annotation file and the folder of its pictures into one TAR", async () => {
  const file = join(outside, "project-1.json");
  await writeFile(file, "[]");
  const source = await tarSource("project-1.json.tar", [
    { under: "export/", path: file },
    { under: "images/", path: join(folder, "images") },
  ]);
  const names = ["export/project-1.json", "images/a.png", "images/b.png"];
  expect([...(await filesOf(source)).keys()]).toEqual(names);
});
