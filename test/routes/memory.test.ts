import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { maskCost } from "../../src/inference/workers/mask-reader.ts";
import { answerCost } from "../../src/actions/answer-cost.ts";
import { bodyCost } from "../../src/routes/http/json-body.ts";
import { testDatabase } from "../helpers/database.ts";

const MiB = 1024 * 1024;
/** What a heap grows by itself meanwhile: garbage that is not collected yet, and threads that begin. */
const slack = 96 * MiB;

const onLinux = process.platform === "linux";
let database: Awaited<ReturnType<typeof testDatabase>>;
let folder: string;
let child: ChildProcess;
let [url, key, project] = ["", "", ""];

beforeAll(async () => {
  if (!onLinux) return;
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), "maskwright-memory-"));
  const file = join(import.meta.dirname, "../../src/main/server.ts");
  child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    env: { ...process.env, DATABASE_URL: database.url, DATA_DIR: folder, PORT: "0", LOG_LEVEL: "info" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const told = Promise.withResolvers<void>();
  const look = (line: string): void => {
    key = /mw_\S+/.exec(line)?.[0] ?? key;
    url = /"url":"(http[^"]+)"/.exec(line)?.[1] ?? url;
    if (key && url) told.resolve();
  };
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream as Readable }).on("line", look);
  await told.promise;
  project = `/v1/projects/${String((await send("/v1/projects", { name: "memory" })).body["id"])}`;
});
afterAll(async () => {
  if (!onLinux) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

async function send(path: string, body: object | string | Buffer) {
  const type = Buffer.isBuffer(body) ? "image/png" : "application/json";
  const headers = { authorization: `Bearer ${key}`, "content-type": type };
  const sent = Buffer.isBuffer(body)
    ? Uint8Array.from(body)
    : typeof body === "string"
      ? body
      : JSON.stringify(body);
  const answer = await fetch(url + path, { method: "POST", headers, body: sent });
  let length = 0;
  let start = "";
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    if (length === 0) start = Buffer.from(chunk).toString();
    length += chunk.length;
  }
  const body_ = length < 10_000 ? (JSON.parse(start) as Record<string, unknown>) : {};
  return { status: answer.status, length, body: body_ };
}

const memory = async (field: "VmRSS" | "VmHWM"): Promise<number> => {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
};

/** What the server's resident memory rises by while `work` runs. */
async function rise(work: () => Promise<unknown>): Promise<number> {
  const rest = await memory("VmRSS");
  await writeFile(`/proc/${child.pid}/clear_refs`, "5");
  await work();
  return (await memory("VmHWM")) - rest;
}

const plainPng = async (side: number): Promise<Buffer> =>
  sharp({ create: { width: side, height: side, channels: 3, background: "#47a" } })
    .png()
    .toBuffer();

describe.runIf(onLinux)("what a request is reckoned to take is what it takes at most", () => {
  it("of a large body", async () => {
    const body = `{"image":{"base64":"${"A".repeat(25e6)}"},"prompts":[{"box":[1,2,3,4]}]}`;
    const taken = await rise(async () => {
      expect((await send(`${project}/predict`, body)).status).toBe(415);
    });
    expect(taken).toBeLessThan(bodyCost(25e6) + slack);
  });

  it("of masks, and of logits of 36 million pixels, which were 1 GB as text from thread to thread", async () => {
    const side = 6000;
    const { body: image } = await send(`${project}/images`, await plainPng(side));
    await send(`${project}/prewarm`, { image: { id: image["id"] } });
    const size = [side, side] as const;
    const data = (
      await sharp({ create: { width: side, height: side, channels: 4, background: "#fff" } })
        .png()
        .toBuffer()
    ).toString("base64");
    const wire = { format: "png" as const, data };
    const png = await rise(async () => {
      expect((await send(`${project}/annotations`, { image_id: image["id"], mask: wire })).status).toBe(201);
    });
    expect(png).toBeLessThan(maskCost({ wire, size }) + slack);
    const prompts = [{ box: [100, 100, 3000, 3000] }];
    const ask = { image: { id: image["id"] }, prompts, format: "logits" };
    const logits = await rise(async () => {
      const { status, length } = await send(`${project}/predict`, ask);
      expect(status).toBe(200);
      expect(length).toBeGreaterThan((side * side * 16) / 3);
    });
    const cost = answerCost({ format: "logits", masks: 1, size, closer: false });
    expect(logits).toBeLessThan(cost + slack);
  });
});
