import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultLimits } from "../../src/datasets/limits.ts";
import { openListed } from "../../src/datasets/listed.ts";

test("a server that gives the whole object for its rest is not read to its end", async () => {
  const bytes = 100_000;
  let asked = 0;
  let sent = 0;
  const server = createServer((request, response) => {
    asked++;
    if (request.headers.range === undefined) {
      response.writeHead(200, { "content-length": bytes });
      response.write(Buffer.alloc(bytes / 2), () => response.destroy());
      return;
    }
    // Without an end: whoever wanted all of it would wait for ever.
    response.writeHead(200);
    const more = (): void => {
      if (response.destroyed) return;
      sent += 65_536;
      response.write(Buffer.alloc(65_536), () => setImmediate(more));
    };
    more();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const folder = await mkdtemp(join(tmpdir(), "maskwright-test-"));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`;
    const path = join(folder, "listing");
    await writeFile(path, `${JSON.stringify({ name: "a.png", etag: '"1"', bytes, url })}\n`);
    const listed = await openListed(path, { limits: defaultLimits, work: join(folder, "work") });
    try {
      await expect(listed.read("a.png")).rejects.toMatchObject({ code: "unavailable" });
    } finally {
      await listed.close();
    }
    expect(asked).toBeGreaterThan(1);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
});
