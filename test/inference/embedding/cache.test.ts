import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { baseModel } from "../../../src/checkpoint/base-models.ts";
import { decodeSafetensors } from "../../../src/checkpoint/safetensors.ts";
import { BaseModels } from "../../../src/base-models/registry.ts";
import { EmbeddingCache } from "../../../src/inference/embedding/cache.ts";
import type { EmbedOptions, ImageEmbedding, ImageSource } from "../../../src/inference/types.ts";
import { keys } from "../../../src/storage/keys.ts";
import type { ObjectStore } from "../../../src/storage/store.ts";
import { countedSource } from "../../helpers/inference.ts";
import { localTestStore } from "../../helpers/objects.ts";

const options: EmbedOptions = { workspaceId: "ws_1", baseModel: "mobile_sam" };
const a = countedSourceOf(1);
const keyOf = (sha256: string, workspaceId = "ws_1") =>
  keys.embedding(workspaceId, baseModel("mobile_sam").embeddingId, sha256);

function countedSourceOf(value: number) {
  return countedSource(Uint8Array.of(value));
}

/** An encoder whose runs the test lets end: it fills the embedding with the image's first byte. */
class SlowEncoder {
  runs = 0;
  readonly #waiting: (() => void)[] = [];

  /** Resolves once so many runs have begun, then lets them all end. */
  async release(count = 1): Promise<void> {
    while (this.runs < count) await nextTurn();
    for (const end of this.#waiting.splice(0)) end();
  }

  readonly encode = async (_model: unknown, image: { source: ImageSource }): Promise<ImageEmbedding> => {
    const bytes = await image.source.bytes();
    this.runs++;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const data = new Float32Array(new SharedArrayBuffer(4 * 4096 * 256)).fill(bytes[0] as number);
    return { family: "sam", data, width: 30, height: 20 };
  };
}

let storage: Awaited<ReturnType<typeof localTestStore>>;
let encoder: SlowEncoder;
let cache: EmbeddingCache;
const newCache = (entries = 8) =>
  new EmbeddingCache({
    store: storage.store,
    models: new BaseModels(storage.store, join(storage.dir, "models")),
    bytes: entries * 2 ** 22,
    encode: encoder.encode,
  });

beforeEach(async () => {
  storage = await localTestStore();
  encoder = new SlowEncoder();
  cache = newCache();
});
afterEach(() => storage.close());

/** Gets an embedding and lets the encoder, if it is asked, end; it is stored then. */
async function get(source = a, from = cache, embedOptions = options) {
  const runs = encoder.runs;
  const pending = from.get(source, embedOptions);
  const ended = pending.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([ended, nextTurn(false)]))) {
    if (encoder.runs > runs) await encoder.release(encoder.runs);
  }
  const embedded = await pending;
  await embedded.stored;
  return embedded;
}

describe("an embedding comes", () => {
  test("from the encoder, then from memory, then, in another process, from the store", async () => {
    const source = countedSourceOf(1);
    const first = await get(source);
    expect(first.from).toBe("encoder");
    const second = await get(source);
    expect(second).toEqual({ embedding: first.embedding, from: "memory" });
    const third = await get(source, newCache());
    expect(third.from).toBe("store");
    expect(third.embedding).toMatchObject({ width: 30, height: 20 });
    expect(
      Buffer.compare(Buffer.from(third.embedding.data.buffer), Buffer.from(first.embedding.data.buffer)),
    ).toBe(0);
    expect(third.embedding.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([source.reads, encoder.runs]).toEqual([1, 1]);
  });

  test("from the store again when memory had no room for it", async () => {
    const small = newCache(1);
    await get(countedSourceOf(1), small);
    await get(countedSourceOf(2), small);
    expect((await get(countedSourceOf(2), small)).from).toBe("memory");
    expect((await get(countedSourceOf(1), small)).from).toBe("store");
  });

  test("never from another workspace", async () => {
    await get();
    expect((await get(a, cache, { ...options, workspaceId: "ws_2" })).from).toBe("encoder");
  });

  test("once for all who ask at the same time", async () => {
    const source = countedSourceOf(1);
    const all = Promise.all([
      cache.get(source, options),
      cache.get(source, options),
      cache.get(source, options),
    ]);
    await encoder.release();
    const [first, ...others] = await all;
    for (const other of others) expect(other.embedding).toBe(first?.embedding);
    expect([source.reads, encoder.runs]).toEqual([1, 1]);
  });

  test("from the store again where a caller passes, whoever's lies in memory", async () => {
    const passing = { ...options, passing: true };
    expect((await get(a, cache, passing)).from).toBe("encoder");
    expect((await get(a, cache, passing)).from).toBe("store");
    expect((await get()).from).toBe("store");
    expect((await get(a, cache, passing)).from).toBe("memory");
  });

  test("as a safetensors file that says of itself what it is", async () => {
    await get();
    const { tensors, metadata } = decodeSafetensors(await storage.store.get(keyOf(a.sha256)));
    expect(tensors["image_embedding"]?.shape).toEqual([64, 64, 256]);
    expect(metadata).toEqual({ width: "30", height: "20" });
  });
});

describe("a damaged stored embedding is encoded anew and replaced", () => {
  test("when its bytes are no longer those that were written", async () => {
    await get();
    const found = (await readdir(storage.dir, { recursive: true })).filter(
      (name) => name.startsWith("objects") && name.endsWith(".safetensors"),
    );
    expect(found).toHaveLength(1);
    const path = join(storage.dir, found[0] as string);
    const bytes = await readFile(path);
    bytes.writeFloatLE(99, bytes.length - 4);
    await writeFile(path, bytes);
    expect((await get(a, newCache())).from).toBe("encoder");
    const again = await get(a, newCache());
    expect(again.from).toBe("store");
    expect(again.embedding.data.at(-1)).toBe(1);
  });

  test.each([
    ["something else", Buffer.from("not an embedding")],
    ["nothing", Buffer.alloc(0)],
  ])("when %s lies under its key", async (_what, bytes) => {
    await storage.store.put(keyOf(a.sha256), bytes);
    expect((await get()).from).toBe("encoder");
    expect((await get(a, newCache())).from).toBe("store");
  });
});

describe("a caller who aborts", () => {
  test("before, gets the reason and starts nothing", async () => {
    const source = countedSourceOf(1);
    await expect(
      cache.get(source, { ...options, signal: AbortSignal.abort(new Error("gone")) }),
    ).rejects.toThrow("gone");
    expect(source.reads).toBe(0);
  });

  test("while an image waits for the encoder, takes it off the queue", async () => {
    const first = cache.get(countedSourceOf(1), options);
    while (encoder.runs === 0) await nextTurn();
    const source = countedSourceOf(2);
    const controller = new AbortController();
    const second = cache.get(source, { ...options, signal: controller.signal });
    controller.abort(new Error("gone"));
    await expect(second).rejects.toThrow("gone");
    const third = cache.get(countedSourceOf(3), options);
    await encoder.release();
    expect((await first).from).toBe("encoder");
    await encoder.release(2);
    expect((await third).from).toBe("encoder");
    expect([source.reads, encoder.runs]).toEqual([0, 2]);
  });

  test("leaves the others who wait for the same image undisturbed", async () => {
    const source = countedSourceOf(1);
    const controller = new AbortController();
    const leaver = cache.get(source, { ...options, signal: controller.signal });
    const stayer = cache.get(source, options);
    controller.abort(new Error("gone"));
    await expect(leaver).rejects.toThrow("gone");
    await encoder.release();
    expect((await stayer).from).toBe("encoder");
    expect(encoder.runs).toBe(1);
  });
});

test("forgotten, it is gone from memory and store, and another workspace keeps its own", async () => {
  await get();
  await get(a, cache, { ...options, workspaceId: "ws_2" });
  await cache.forget({ workspaceId: "ws_1", sha256: a.sha256 });
  expect(await storage.store.stat(keyOf(a.sha256))).toBeNull();
  expect((await get(a, cache, { ...options, workspaceId: "ws_2" })).from).toBe("memory");
  expect((await get()).from).toBe("encoder");
});

test("a failure is not kept: the next caller tries again", async () => {
  let broken = true;
  const source = {
    sha256: a.sha256,
    bytes: async () => {
      if (broken) throw new Error("the disk is away");
      return Uint8Array.of(1);
    },
  };
  await expect(cache.get(source, options)).rejects.toThrow("the disk is away");
  broken = false;
  expect((await get({ ...countedSourceOf(1), ...source })).from).toBe("encoder");
});

test("a new one is handed out while it is stored, and nothing of it is left when its image goes meanwhile", async () => {
  const gate = Promise.withResolvers<void>();
  const { store } = storage;
  const slow = {
    get: (key: string) => store.get(key),
    put: (key: string, data: Uint8Array) => gate.promise.then(() => store.put(key, data)),
    delete: (key: string) => store.delete(key),
    list: (prefix: string) => store.list(prefix),
  } as unknown as ObjectStore;
  const models = new BaseModels(storage.store, join(storage.dir, "models"));
  const behind = new EmbeddingCache({ store: slow, models, bytes: 2 ** 25, encode: encoder.encode });
  const pending = behind.get(a, options);
  await encoder.release();
  const { stored } = await pending;
  const gone = behind.forget({ workspaceId: options.workspaceId, sha256: a.sha256 });
  gate.resolve();
  await Promise.all([stored, gone]);
  expect((await get(a, newCache())).from).toBe("encoder");
});

describe("the embedding of a region", () => {
  const region: EmbedOptions = { ...options, region: [1, 2, 11, 9] };

  test("is kept apart from the whole image's and from other regions'", async () => {
    await get();
    expect((await get(a, cache, region)).from).toBe("encoder");
    expect((await get(a, cache, { ...options, region: [1, 2, 11, 10] })).from).toBe("encoder");
    expect((await get(a, cache, region)).from).toBe("memory");
    expect((await get(a, newCache(), region)).from).toBe("store");
    expect(encoder.runs).toBe(3);
  });

  test("goes when its image is forgotten, and no other image's does", async () => {
    const b = countedSourceOf(2);
    for (const source of [a, b]) await get(source, cache, region);
    await cache.forget({ workspaceId: "ws_1", sha256: a.sha256 });
    expect((await get(b, cache, region)).from).toBe("memory");
    expect((await get(b, newCache(), region)).from).toBe("store");
    expect((await get(a, cache, region)).from).toBe("encoder");
  });
});
