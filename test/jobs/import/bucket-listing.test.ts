import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Database } from "../../../src/db/client.ts";
import { defaultLimits } from "../../../src/datasets/limits.ts";
import { listBucket } from "../../../src/jobs/import/bucket.ts";
import type { Buckets, ListedObject } from "../../../src/storage/buckets.ts";

it("a bucket without an end is listed no further than an import may go", async () => {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-listing-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  let pages = 0;
  const page: ListedObject[] = Array.from({ length: 50_000 }, (_, i) => ({
    key: `in/${i}.png`,
    bytes: 1,
    etag: '"e"',
    asleep: "it sleeps",
  }));
  const buckets: Pick<Buckets, "list"> = {
    async *list() {
      for (;;) {
        pages++;
        yield page;
      }
    },
  };
  // All is read again, so that nobody asks the database.
  const asked = {
    scope: { workspaceId: "ws_1", projectId: "prj_1" },
    source: { name: "objects", prefix: "in/", again: true },
    path: join(folder, "listing"),
  };
  const given = { db: {} as Database, buckets: buckets as Buckets };
  await expect(listBucket(given, asked, new AbortController().signal)).rejects.toMatchObject({
    code: "import_too_large",
    message: expect.stringContaining(`more than ${defaultLimits.maxEntries} entries`),
  });
  expect(pages).toBe(6);
});
