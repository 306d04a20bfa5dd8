import { execFileSync } from "node:child_process";
import { readFile, rename, rm, symlink, truncate } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../src/datasets/limits.ts";
import { type Files, maskPng, picture, open, problemOf, readAll, useZips } from "./zips.ts";

const zips = useZips();

/** Two pictures with a mask each, one of them below a name that only an extended head holds. */
async function files(): Promise<Files> {
  const long = `${"a-long-name".repeat(12)}.png`;
  return {
    "set/images/1.png": await picture(1),
    [`set/images/${long}`]: await picture(2),
    "set/masks/1.png": await maskPng([1, 1, 5, 5]),
    [`set/masks/${long}`]: await maskPng([2, 2, 9, 7]),
    "set/.DS_Store": "x",
  };
}

describe("a data set as a TAR or a folder", () => {
  it("is what it is as a zip", async () => {
    const given = await files();
    const zip = await readAll(await zips.zip(given));
    expect(zip.items.map(({ annotations }) => annotations.length)).toEqual([1, 1]);
    const others = [await zips.tar(given), await zips.tar(given, { gzip: true }), await zips.folder(given)];
    for (const path of others) {
      const { items, report, dataset } = await readAll(path);
      expect(items).toEqual(zip.items);
      expect(report).toEqual(zip.report);
      expect(dataset.layout).toBe(zip.dataset.layout);
    }
  });

  it("holds the same picture once, and the file that a hard link names", async () => {
    const given = await files();
    const link = { name: "set/images/2.png", type: "link", linkname: "set/images/1.png" } as const;
    const { items } = await readAll(await zips.tar(given, { heads: [link] }));
    expect(items.map(({ fileName, alsoNamed }) => [fileName, alsoNamed])).toEqual([
      ["images/1.png", ["images/2.png"]],
      [expect.stringContaining("a-long-name"), []],
    ]);
  });

  it("has no file from behind a link", async () => {
    const folder = await zips.folder(await files());
    await symlink("/etc/passwd", join(folder, "set/images/3.png"));
    const { items, report } = await readAll(folder);
    expect(items).toHaveLength(2);
    expect(report).toMatchObject([{ code: "unread", file: "images/3.png", detail: /link/ }].map(asMatch));
    const head = { name: "set/images/3.png", type: "symlink", linkname: "/etc/passwd" } as const;
    expect(await problemOf(await zips.tar(await files(), { heads: [head] }))).toMatchObject({
      code: "import_zip_invalid",
      message: "set/images/3.png is a symbolic link",
    });
  });

  it.skipIf(process.platform === "win32")("leaves out what is no file, and tells it", async () => {
    const folder = await zips.folder(await files());
    execFileSync("mkfifo", [join(folder, "set/images/3.png")]);
    const { items, report } = await readAll(folder);
    expect(items).toHaveLength(2);
    expect(report).toMatchObject([{ code: "unread", file: "images/3.png", detail: /no file/ }].map(asMatch));
  });

  it("leaves out a file that has gone since the folder was listed, and tells it", async () => {
    const folder = await zips.folder(await files());
    const dataset = await open(folder);
    for (const gone of ["images/1.png", "masks/1.png"]) await rm(join(folder, "set", gone));
    const names: string[] = [];
    for await (const { fileName } of dataset.items()) names.push(fileName);
    await dataset.close();
    expect(names).toEqual([expect.stringContaining("a-long-name")]);
    expect(dataset.told().skipped).toEqual([expect.objectContaining({ code: "file_changed", count: 1 })]);
  });

  it("reads nothing behind a link that has come since the folder was listed", async () => {
    const folder = await zips.folder(await files());
    const dataset = await open(folder);
    const image = join(folder, "set/images/1.png");
    await rm(image);
    await symlink("/etc/passwd", image);
    await rename(join(folder, "set/masks"), join(folder, "..", `${basename(folder)}-moved`));
    await symlink(join(folder, "..", `${basename(folder)}-moved`), join(folder, "set/masks"));
    const walk = async (): Promise<void> => {
      for await (const { fileName } of dataset.items()) expect(fileName).toContain("a-long-name");
    };
    await expect(walk()).rejects.toThrow("nothing else is there");
    await dataset.close();
    expect(dataset.told().skipped).toMatchObject([{ code: "file_changed", count: 2 }]);
  });

  it.each(["../x.png", "/x.png", "a//x.png"])("is refused with a file named %s", async (name) => {
    expect((await problemOf(await zips.tar({ [name]: "x" }))).code).toBe("import_zip_invalid");
  });

  it("is refused where it breaks off, is no TAR inside, or is of another kind", async () => {
    const tar = await zips.tar(await files());
    const bytes = await readFile(tar);
    const whole = await zips.raw(bytes.subarray(0, -1024));
    expect((await readAll(whole)).report).toMatchObject([{ code: "unread", file: "the TAR" }]);
    await truncate(tar, bytes.length - 1024 - 400);
    expect((await problemOf(tar)).message).toMatch(/^not a readable TAR/);
    const half = gzipSync(bytes).subarray(0, 500);
    expect((await problemOf(await zips.raw(half))).message).toMatch(/^the gzip file can't be inflated/);
    expect((await problemOf(await zips.raw(gzipSync("hello")))).code).toBe("import_zip_invalid");
    expect((await problemOf(await zips.raw(Buffer.from("Rar!1234")))).message).toMatch(/a RAR archive/);
  });

  it("is held to the limits as it comes", async () => {
    const limits = { ...defaultLimits, maxTotalBytes: 100_000, maxEntries: 4 };
    const bomb = await zips.tar({ "a.bin": Buffer.alloc(9_000_000) }, { gzip: true });
    expect((await problemOf(bomb, { limits })).code).toBe("import_too_large");
    const many = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`${i}.bin`, "x"]));
    for (const path of [await zips.tar(many), await zips.folder(many)])
      expect((await problemOf(path, { limits })).code).toBe("import_too_large");
  });
});

const asMatch = ({ detail, ...rest }: { detail: RegExp; code: string; file: string }) => ({
  ...rest,
  detail: expect.stringMatching(detail),
});
