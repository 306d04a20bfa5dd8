import { Agent, request } from "node:http";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Releases } from "../../src/lib/releases.ts";
import { serve } from "../../src/main/shared/serve.ts";
import { idOf, type TestApp, testApp } from "../helpers/app.ts";

const MB = 1e6;
let app: TestApp;
let url: string;
let project: string;
const releases = new Releases();
beforeAll(async () => {
  app = await testApp({ QUOTA_BYTES: 50 * MB });
  url = await serve(app.app, { host: "127.0.0.1", port: 0, graceMs: 5000, releases });
  project = `/v1/projects/${idOf(await app.a.post("/v1/projects", { name: "large" }))}`;
});
afterAll(async () => {
  await releases.release();
  await app?.close();
});

interface Sending {
  chunked?: boolean;
  type?: string;
  /** A connection that is kept for the next request. */
  agent?: Agent | false;
}

/** Sends a body as a client does that reads no answer before it has written all, and ends its connection. */
function send(path: string, body: string | Buffer, options: Sending = {}) {
  const { chunked = false, type = "application/json", agent = false } = options;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return new Promise<{ status: number; code: string; message: string; port: number }>((resolve, reject) => {
    const sending = request(url + project + path, {
      method: "POST",
      agent,
      headers: {
        authorization: `Bearer ${app.a.key}`,
        "content-type": type,
        ...(!chunked && { "content-length": String(bytes.length) }),
      },
    });
    sending.on("error", reject);
    sending.on("response", (answer) => {
      const port = answer.socket.localPort ?? 0;
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      answer.on("end", () => {
        const { error } = JSON.parse(text) as { error: { code: string; message: string } };
        resolve({ status: answer.statusCode ?? 0, port, ...error });
      });
    });
    for (let at = 0; at < bytes.length; at += 65_536) sending.write(bytes.subarray(at, at + 65_536));
    sending.end();
  });
}

const list = (item: string, bytes: number): string =>
  `[${`${item},`.repeat(bytes / (item.length + 1))}${item}]`;

it.each([
  ["told too long", "/keys", {}, "413 body_too_large"],
  ["too long, and not told", "/fine-tunes", { chunked: true }, "413 body_too_large"],
  ["wrong in its first part", "/predict", {}, "400 invalid_request"],
  ["wrong in its first part, its length not told", "/predict", { chunked: true }, "400 invalid_request"],
  ["to nowhere", "/nowhere", {}, "404 route_not_found"],
] as const)("a client reads why its body was refused: %s", async (_, path, options, told) => {
  const of = path === "/keys" ? "/fine-tunes" : path;
  const { status, code } = await send(of, `{"prompts":${list("1", 10 * MB)}}`, options);
  expect(`${status} ${code}`).toBe(told);
  expect(app.services.memory.used).toBe(0);
});

it("a client reads that its import is beyond the quota, however much of it is still to be sent", async () => {
  const body = Buffer.alloc(80 * MB);
  const type = "application/zip";
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const told = { status: 403, code: "quota_exceeded" };
  expect(await send("/imports", body, { type })).toMatchObject(told);
  const { port, ...kept } = await send("/imports", body, { type, agent });
  expect(kept).toMatchObject(told);
  expect(await send("/imports", body, { type, agent })).toMatchObject({ ...told, port });
  agent.destroy();
});

it("a predict that names its image is held to 8 MiB where its length is not told, too", async () => {
  const mask = `{"mask":{"format":"rle","size":[9,9],"counts":"${"0".repeat(4.5 * MB)}"}}`;
  const body = `{"image":{"id":"img_none"},"prompts":[${mask},${mask}]}`;
  for (const chunked of [false, true]) {
    const answer = await send("/predict", body, { chunked });
    expect(answer).toMatchObject({ status: 413, code: "body_too_large" });
    expect(answer.message).toContain("8388608 are allowed where it names its image");
  }
});

it("a body whose length is not told is read whole, however it is cut", async () => {
  const body = `{"image":{"id":"img_none"},"prompts":[{"mask":{"format":"rle","size":[9,9],"counts":"${"0".repeat(3 * MB)}"}}]}`;
  expect(await send("/predict", body, { chunked: true })).toMatchObject({
    status: 404,
    code: "image_not_found",
  });
});

it("a multipart body of more fields than are taken is refused at the first too many", async () => {
  const field = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n';
  const type = "multipart/form-data; boundary=x";
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = `${field.repeat(50_000)}--x--\r\n`;
  const answer = await send("/images", body, { type, agent });
  expect(answer).toMatchObject({ status: 400, code: "invalid_request" });
  expect(answer.message).toContain("more than 20 fields");
  // The rest was read: the connection lives on.
  expect((await send("/images", body, { type, agent })).port).toBe(answer.port);
  agent.destroy();
});

it("masks of one answer, and PNGs of one request, have so many pixels together at most", async () => {
  const background = { r: 255, g: 255, b: 255 };
  const png = await sharp({ create: { width: 7000, height: 7000, channels: 3, background } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
  const { body: image } = await app.a.send("POST", `${project}/images`, {
    body: Uint8Array.from(png),
    headers: { "content-type": "image/png" },
  });
  const asked = (prompts: object[]) =>
    send("/predict", JSON.stringify({ image: { id: image["id"] }, prompts }));
  const boxes = await asked(Array.from({ length: 131 }, () => ({ box: [1, 1, 90, 90] })));
  expect(boxes).toMatchObject({ status: 422, code: "answer_too_large" });
  expect(boxes.message).toContain("131 masks of 7000 x 7000 pixels; at most 130 of an image of this size");
  const mask = { format: "png", data: png.toString("base64") };
  const drawn = await asked(Array.from({ length: 7 }, () => ({ mask })));
  expect(drawn).toMatchObject({ status: 413, code: "body_too_large" });
  expect(drawn.message).toContain("7 masks as PNG; at most 6 of an image of 7000 x 7000");
});
