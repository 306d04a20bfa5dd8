import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cropImage } from "../../src/imaging/crop.ts";
import { flipImage } from "../../src/imaging/flips.ts";
import { createInference } from "../../src/inference/index.ts";
import { embedRegion } from "../../src/inference/embedding/regions.ts";
import type { EmbedOptions } from "../../src/inference/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { messageOf } from "../../src/lib/errors.ts";
import { codeOf, errorOf } from "../helpers/codes.ts";
import { asPng, asSharp, discImage, noiseImage } from "../worlds/images.ts";
import { countedSource, testInference } from "../helpers/inference.ts";
import { keysBelow, localTestStore } from "../helpers/objects.ts";

const options: EmbedOptions = { workspaceId: "ws_1", baseModel: "mobile_sam" };

let storage: Awaited<ReturnType<typeof localTestStore>>;
let inference: Inference;

beforeAll(async () => {
  storage = await localTestStore();
  inference = await testInference(storage.store);
});

afterAll(async () => {
  await inference.close();
  await storage.close();
});

describe("inspect", () => {
  const image = noiseImage(120, 80, 4);

  test("tells what an image is, as seen", async () => {
    expect(await inference.inspect(await asPng(image))).toEqual({ width: 120, height: 80, format: "png" });
    const turned = await asSharp(image).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await inference.inspect(turned)).toEqual({ width: 80, height: 120, format: "jpeg" });
  });

  test("refuses what can't be decoded whole", async () => {
    const jpeg = await asSharp(image).jpeg().toBuffer();
    expect(await codeOf(() => inference.inspect(jpeg.subarray(0, jpeg.length - 200)))).toBe(
      "image_truncated",
    );
    expect(await codeOf(() => inference.inspect(new Uint8Array(0)))).toBe("image_empty");
    expect(await codeOf(() => inference.inspect(Buffer.from("%PDF-1.7")))).toBe("image_format_unsupported");
    const large = await asPng(noiseImage(2100, 2000, 1));
    expect(await codeOf(() => inference.inspect(large))).toBe("image_too_many_pixels");
    const small = await asPng(noiseImage(5, 5, 1));
    expect(await codeOf(() => inference.inspect(small))).toBe("image_too_small");
  });
});

describe("embed", () => {
  test("runs the encoder: the same picture in another lossless format has the same embedding", async () => {
    const { image } = discImage(320, 200, { x: 100, y: 90, radius: 50 });
    const png = await inference.embed(countedSource(await asPng(image)), options);
    const webp = await inference.embed(
      countedSource(await asSharp(image).webp({ lossless: true }).toBuffer()),
      options,
    );
    expect([png.from, webp.from]).toEqual(["encoder", "encoder"]);
    expect(png.embedding).toMatchObject({ width: 320, height: 200 });
    expect(png.embedding.data).toHaveLength(64 * 64 * 256);
    expect(png.embedding.data.some((value) => value !== 0)).toBe(true);
    expect(
      Buffer.compare(Buffer.from(png.embedding.data.buffer), Buffer.from(webp.embedding.data.buffer)),
    ).toBe(0);
  });

  test("encodes a region as if it were the image, the whole image's region as itself", async () => {
    const picture = noiseImage(150, 110, 7);
    const size = [110, 150] as const;
    const region = [31, 12, 131, 92] as const;
    const whole = { ...countedSource(await asPng(picture)), size };
    const cut = await embedRegion(inference, whole, { ...options, region });
    const alone = await inference.embed(countedSource(await asPng(cropImage(picture, region))), options);
    expect([cut.from, alone.from]).toEqual(["encoder", "encoder"]);
    expect(cut.embedding).toMatchObject({ width: 100, height: 80 });
    expect(
      Buffer.compare(Buffer.from(cut.embedding.data.buffer), Buffer.from(alone.embedding.data.buffer)),
    ).toBe(0);
    const own = await inference.embed(whole, options);
    const all = await embedRegion(inference, whole, { ...options, region: [0, 0, 150, 110] });
    expect(all).toEqual({ embedding: own.embedding, from: "memory" });
    expect(await codeOf(() => embedRegion(inference, whole, { ...options, region: [0, 0, 151, 110] }))).toBe(
      "box_outside_image",
    );
  });

  test("encodes a flipped region as if it were the image, and keeps it apart", async () => {
    const picture = noiseImage(150, 110, 8);
    const region = [31, 12, 131, 92] as const;
    const source = countedSource(await asPng(picture));
    const flipped = await inference.embed(source, { ...options, region, flip: "x" });
    const image = await asPng(flipImage(cropImage(picture, region), "x"));
    const alone = await inference.embed(countedSource(image), options);
    expect([flipped.from, alone.from]).toEqual(["encoder", "encoder"]);
    expect(
      Buffer.compare(Buffer.from(flipped.embedding.data.buffer), Buffer.from(alone.embedding.data.buffer)),
    ).toBe(0);
    expect((await inference.embed(source, { ...options, region, flip: "x" })).from).toBe("memory");
    expect((await inference.embed(source, { ...options, region })).from).toBe("encoder");
  });

  test("stores nothing for an image that can't be read", async () => {
    const source = countedSource(Buffer.from("no image at all"));
    expect(await codeOf(() => inference.embed(source, { ...options, workspaceId: "ws_2" }))).toBe(
      "image_format_unsupported",
    );
    expect(await keysBelow(storage.store, "workspaces/ws_2/")).toEqual([]);
  });

  test("refuses bytes that are not those of the hash, which would poison the cache", async () => {
    const bytes = await asPng(noiseImage(64, 64, 2));
    const lying = { sha256: "0".repeat(64), bytes: async () => bytes };
    await expect(inference.embed(lying, options)).rejects.toThrow("not those of");
  });

  test("knows its base models", async () => {
    const source = countedSource(new Uint8Array(0));
    expect(await codeOf(() => inference.embed(source, { ...options, baseModel: "gpt" }))).toBe(
      "base_model_unknown",
    );
  });
});

test("gives a prediction up that takes too long, and says when to come again", async () => {
  const hasty = await testInference(storage.store, { patienceMs: -1 });
  const { image } = discImage(320, 200, { x: 100, y: 90, radius: 50 });
  const asked = {
    ...options,
    image: countedSource(await asPng(image)),
    versions: [{ number: 0 }],
    prompts: [{ points: [[100, 90, 1]] }] as const,
    multimask: false,
    format: "rle",
  } as const;
  expect((await inference.predict(asked)).results).toHaveLength(1);
  expect(await errorOf(() => hasty.predict(asked))).toMatchObject({ code: "overloaded", retryAfter: 30 });
  await hasty.close();
});

test("close lets what is under way end, and lets nothing new in", async () => {
  const own = await testInference(storage.store);
  const running = own.inspect(await asPng(noiseImage(300, 300, 1)));
  const closing = own.close();
  expect(await codeOf(() => own.inspect(new Uint8Array(0)))).toBe("unavailable");
  expect((await running).width).toBe(300);
  await closing;
});

test.each([
  ["no decoder graphs", "no decoder graphs in", null],
  ["those of another release", "another release", { sources: "", decoders: [], exports: [] }],
])("with %s it says how to make them", async (_, why, manifest) => {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-test-"));
  if (manifest) await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  const starting = createInference({
    store: storage.store,
    cacheEntries: 1,
    prefixBytes: 2 ** 25,
    threads: 1,
    decodeWorkers: 1,
    maxImagePixels: 1_000_000,
    graphsFolder: folder,
  });
  const error = await starting.catch(messageOf);
  expect(error).toContain(why);
  expect(error).toContain("npm run build:graphs");
  await rm(folder, { recursive: true });
});
