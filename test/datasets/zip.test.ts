import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { type Files, maskPng, open, picture, problemOf, readAll, useZips } from "./zips.ts";

const zips = useZips();
const files: Files = {
  "images/a.png": await picture(1),
  "images/b.png": await picture(2),
  "masks/a.png": await maskPng([0, 0, 1, 1]),
};
const good = await readFile(await zips.zip(files));

const centralHeader = Buffer.from("PK\u0001\u0002", "latin1");

/** The good zip with a change to its directory's entry for `name`; `edit` gets the 46-byte header and the name after it. */
function tampered(name: string, edit: (header: Buffer) => void): Buffer {
  const bytes = Buffer.from(good);
  for (let at = bytes.indexOf(centralHeader); at !== -1; at = bytes.indexOf(centralHeader, at + 4)) {
    const end = at + 46 + bytes.readUInt16LE(at + 28);
    if (bytes.toString("utf8", at + 46, end) === name) edit(bytes.subarray(at, end));
  }
  expect(bytes.equals(good)).toBe(false);
  return bytes;
}

const renamed = (to: string): Buffer => {
  expect(to).toHaveLength("images/b.png".length);
  return tampered("images/b.png", (header) => void header.write(to, 46, "latin1"));
};

it("refuses what is no zip, and a zip cut short", async () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from("GIF89a, not a zip at all"),
    good.subarray(0, good.length - 30),
  ]) {
    expect(await problemOf(await zips.raw(bytes))).toMatchObject({ code: "import_zip_invalid" });
  }
  expect(await problemOf("/nowhere/at/all.zip")).toMatchObject({ code: "import_zip_invalid" });
});

it("refuses names that lead out of the zip or garble what shows them", async () => {
  for (const name of [
    "../../ab.png",
    "/mages/b.png",
    "images/../.p",
    "images\\..\\pp",
    "C:\\ages/.png",
    "images//b.pn",
    "images/./png",
    "im\u0007ges/b.png",
    "images/a.png",
  ]) {
    const found = await problemOf(await zips.raw(renamed(name)));
    expect(found, name).toMatchObject({ code: "import_zip_invalid" });
    expect(found.message, name).not.toContain("\u0007");
  }
});

it("refuses encrypted files, symbolic links and unknown compression", async () => {
  const edits: [(header: Buffer) => void, RegExp][] = [
    [(header) => void header.writeUInt16LE(header.readUInt16LE(8) | 1, 8), /images\/b\.png is encrypted/],
    [(header) => void header.writeUInt32LE((0o120777 << 16) >>> 0, 38), /images\/b\.png is a symbolic link/],
    [(header) => void header.writeUInt16LE(14, 10), /images\/b\.png is compressed by method 14/],
  ];
  for (const [edit, message] of edits) {
    const found = await problemOf(await zips.raw(tampered("images/b.png", edit)));
    expect(found).toMatchObject({ code: "import_zip_invalid", message: expect.stringMatching(message) });
  }
});

it("refuses a directory that lies about length or checksum", async () => {
  const edits: [(header: Buffer) => void, RegExp][] = [
    [
      (header) => void header.writeUInt32LE(header.readUInt32LE(24) - 10, 24),
      /^images\/b\.png: can't be inflated/,
    ],
    [
      (header) => void header.writeUInt32LE(header.readUInt32LE(24) + 10, 24),
      /^images\/b\.png: can't be inflated/,
    ],
    [
      (header) => void header.writeUInt32LE((header.readUInt32LE(16) ^ 1) >>> 0, 16),
      /^images\/b\.png: its checksum is wrong/,
    ],
  ];
  for (const [edit, message] of edits) {
    const found = await problemOf(await zips.raw(tampered("images/b.png", edit)));
    expect(found).toMatchObject({
      code: "import_file_invalid",
      param: "images/b.png",
      message: expect.stringMatching(message),
    });
  }
});

it("holds every limit against the directory, and tells limit and found", async () => {
  const path = await zips.zip({ ...files, "groups.csv": "a,x\n" });
  const cases: [object, RegExp][] = [
    [{ maxEntries: 3 }, /4 entries; 3 are the most/],
    [{ maxTotalBytes: 500 }, /bytes together; 500 are the most/],
    [{ maxEntryBytes: 300 }, /^images\/a\.png has \d+ bytes; 300 are the most/],
    [{ maxJsonBytes: 2 }, /^groups\.csv has 4 bytes; 2 are the most/],
    [{ maxImages: 1 }, /2 images; 1 are the most/],
    [{ maxAnnotations: 0 }, /1 annotations; 0 are the most/],
  ];
  for (const [limits, message] of cases) {
    expect(await problemOf(path, { limits })).toMatchObject({
      code: "import_too_large",
      message: expect.stringMatching(message),
    });
  }
  expect(
    (await readAll(path, { limits: { maxEntries: 4, maxImages: 2, maxAnnotations: 1 } })).items,
  ).toHaveLength(2);
});

it("refuses a bomb before it inflates a byte", async () => {
  // 100 MiB of zeros in 100 KB.
  const path = await zips.zip({ ...files, "images/z.png": Buffer.alloc(100 * 1024 ** 2) });
  expect((await readFile(path)).length).toBeLessThan(200_000);
  expect(await problemOf(path)).toMatchObject({
    code: "import_too_large",
    message: expect.stringMatching(/times its size; 200 is the most/),
  });
});

it("stops when it is told to", async () => {
  const controller = new AbortController();
  const dataset = await open(await zips.zip(files), { signal: controller.signal });
  const items = dataset.items();
  expect((await items.next()).value?.fileName).toBe("images/a.png");
  controller.abort(new Error("cancelled by the test"));
  await expect(items.next()).rejects.toThrow("cancelled by the test");
  await dataset.close();
  await dataset.close();
});
