import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowedFolder, type AllowedFolders, realFolder } from "../../src/storage/folder-places.ts";

const allowed: AllowedFolders = {
  folders: ["/data/scans", "/shared/{workspace}"],
  own: "/data/scans/maskwright",
};
const asked = (folder: string) => allowedFolder(allowed, folder, "ws_a");

describe("a folder that imports may read", () => {
  it.each([
    ["/data/scans/may", "/data/scans", "/data/scans/may"],
    ["/data/scans/may/", "/data/scans", "/data/scans/may"],
    ["/shared/ws_a", "/shared/ws_a", "/shared/ws_a"],
    ["/shared/ws_a/deep/..in", "/shared/ws_a", "/shared/ws_a/deep/..in"],
  ])("%s is open", (folder, root, path) => {
    expect(asked(folder)).toEqual({ root, path });
  });

  it.each([
    "/data",
    "/",
    "/data/scans-secret",
    "/etc",
    "/shared/ws_b",
    "/shared",
    "/shared/{workspace}",
    // The service's own data, and what holds them.
    "/data/scans/maskwright/objects",
    "/data/scans",
  ])("%s is not, and the setting is named", (folder) => {
    expect(() => asked(folder)).toThrow(
      expect.objectContaining({
        code: "folder_not_allowed",
        param: "folder",
        message: expect.stringContaining("IMPORT_FOLDERS"),
      }),
    );
  });

  it.each(["scans", "/data/scans/../x", "/data//scans", "/data/scans/./a", "/data/scans/\u0001"])(
    "%j is no plain path",
    (folder) => {
      expect(() => asked(folder)).toThrow(
        expect.objectContaining({ code: "invalid_request", param: "folder" }),
      );
    },
  );
});

describe("an allowed folder on disk", () => {
  let top: string;
  beforeAll(async () => {
    top = await realpath(await mkdtemp(join(tmpdir(), "maskwright-folders-")));
    await mkdir(join(top, "open/may"), { recursive: true });
    await mkdir(join(top, "secret/may"), { recursive: true });
    await symlink(join(top, "secret"), join(top, "open/link"));
    await symlink(join(top, "open"), join(top, "root"));
    await writeFile(join(top, "open/file"), "");
  });
  afterAll(() => rm(top, { recursive: true, force: true }));
  const real = (root: string, path: string) => realFolder({ root: join(top, root), path: join(top, path) });

  it("may be opened by a link that its setting names", async () => {
    expect(await real("open", "open/may")).toBe(join(top, "open/may"));
    expect(await real("root", "root/may")).toBe(join(top, "open/may"));
  });

  it.each([
    ["open/link", /link/],
    ["open/link/may", /link/],
    ["open/gone", /not there/],
    ["open/file", /no folder/],
  ])("%s is refused", async (path, message) => {
    await expect(real("open", path)).rejects.toMatchObject({ code: "import_zip_invalid", message });
  });
});
