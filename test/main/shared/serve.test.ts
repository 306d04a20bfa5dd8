import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Releases } from "../../../src/lib/releases.ts";
import { serve } from "../../../src/main/shared/serve.ts";
import { onError } from "../../../src/routes/http/errors.ts";
import { createRouter } from "../../../src/routes/http/router.ts";
import { withFileUpload } from "../../../src/routes/http/upload.ts";
import { createLog } from "../../../src/lib/log.ts";

const releases = new Releases();
const before = process.env["TMPDIR"];
let folder: string;
let port: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-serve-"));
  process.env["TMPDIR"] = folder;
  const app = createRouter();
  app.use(async (c, next) => {
    c.set("log", createLog({ level: "silent", name: "test" }));
    await next();
  });
  app.get("/", (c) => c.text("here"));
  app.post("/file", async (c) =>
    c.json(await withFileUpload(c, 1e6, ({ bytes }) => Promise.resolve({ bytes }))),
  );
  app.onError(onError);
  const pace = { graceMs: 100, bytesPerSecond: 1000, lookMs: 50 };
  const url = await serve(app, { host: "127.0.0.1", port: 0, graceMs: 1000, releases, pace });
  port = Number(new URL(url).port);
});
afterAll(async () => {
  await releases.release();
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
  await rm(folder, { recursive: true, force: true });
});

/** Sends bytes as they are, and reads what comes until the connection ends; `half`: says that no more follows. */
async function talk(bytes: string, { half = false } = {}): Promise<{ status: number; error: unknown }> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  if (half) socket.end(bytes);
  else socket.write(bytes);
  const said = await text(socket);
  socket.destroy();
  const [head = "", body = ""] = said.split("\r\n\r\n");
  expect(head.toLowerCase()).toContain("content-type: application/json");
  expect(head.toLowerCase()).toContain("x-request-id: req_");
  return { status: Number(head.split(" ")[1]), error: (JSON.parse(body) as { error: unknown }).error };
}
const envelope = (code: string) => ({
  code,
  message: expect.any(String) as string,
  request_id: expect.stringMatching(/^req_/) as string,
});

describe("what never reaches the app is answered with the error envelope", () => {
  it.each([
    ["no HTTP", "hello\r\n\r\n", 400, "invalid_request"],
    [
      "a header that is none",
      "GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\u0001b\r\n\r\n",
      400,
      "invalid_request",
    ],
    [
      "headers without end",
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
      431,
      "headers_too_large",
    ],
    [
      "a Host that is no name",
      "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
      400,
      "invalid_request",
    ],
    ["no Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "invalid_request"],
  ])("%s", async (_, bytes, status, code) => {
    expect(await talk(bytes)).toEqual({ status, error: envelope(code) });
  });

  it("a body that its client ends in the middle", async () => {
    const head = "POST /file HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    expect(await talk(`${head}only this`, { half: true })).toEqual({
      status: 400,
      error: envelope("invalid_request"),
    });
  });
});

describe("a body that comes too slowly", () => {
  it("is answered, its connection ends, and nothing of it is left", async () => {
    const head = "POST /file HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    expect(await talk(`${head}some bytes, and then none`)).toEqual({
      status: 408,
      error: envelope("request_too_slow"),
    });
    await expect.poll(() => readdir(folder), { timeout: 30_000 }).toEqual([]);
  });

  it("is none that has come in one go, nor a request without one", async () => {
    const sent = await fetch(`http://127.0.0.1:${port}/file`, { method: "POST", body: "x".repeat(50_000) });
    expect(await sent.json()).toEqual({ bytes: 50_000 });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("here");
  });
});
