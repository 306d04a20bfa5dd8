import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { contentsOf } from "../../src/checkpoint/tensor-content.ts";
import { torchFile } from "../../src/checkpoint/torch/write.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { type Answer, errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { emptyDicts, emptyNodes, manyNames } from "../helpers/oversized.ts";
import { keysBelow } from "../helpers/objects.ts";
import { makeProject, seedAnnotated, seedVersion } from "../helpers/seeds.ts";
import { sam2Decoder } from "../worlds/sam2-decoder.ts";

let app: TestApp;
let project: string;
let url: string;
let base: NamedTensors;
let weights: NamedTensors;

const iou = "mask_decoder.iou_token.weight";

/** The same tensors but for some. */
const changed = (tensors: NamedTensors, others: Partial<Record<string, NamedTensors[string] | null>>) =>
  Object.fromEntries(
    Object.entries({ ...tensors, ...others }).filter((entry): entry is [string, NamedTensors[string]] =>
      Boolean(entry[1]),
    ),
  );

beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  url = `/v1/projects/${project}/versions`;
  base = await baseModel("mobile_sam").decoderWeights();
  const token = base[iou] as NamedTensors[string];
  weights = changed(base, { [iou]: { shape: token.shape, data: token.data.map((value) => value + 1) } });
  await seedVersion(app, project, 1, encodeSafetensors(weights));
});
afterAll(() => app?.close());

const send = (body: Uint8Array, headers: Record<string, string> = {}, to = url): Promise<Answer> =>
  app.a.send("POST", to, {
    body: Uint8Array.from(body),
    headers: { "content-type": "application/octet-stream", ...headers },
  });

async function exported(query: string): Promise<Uint8Array> {
  const response = await app.app.request(`${url}/1/export?${query}`, {
    headers: { authorization: `Bearer ${app.a.key}` },
  });
  return new Uint8Array(await response.arrayBuffer());
}

/** All that a refused file could have left behind. */
const traces = async (): Promise<unknown> => [
  await keysBelow(app.store, "projects/"),
  (await app.a.get(`${url}?limit=100`)).body["data"],
];

async function zip(entries: Record<string, Buffer>, compress: boolean): Promise<Buffer> {
  const file = new ZipFile();
  for (const [path, content] of Object.entries(entries)) file.addBuffer(content, path, { compress });
  file.end();
  return buffer(file.outputStream as NodeJS.ReadableStream & AsyncIterable<Uint8Array>);
}

describe("POST versions", () => {
  const exports = "safetensors pth onnx onnx&variant=cvat onnx&variant=served onnx&full=true hf bundle";
  it.each(exports.split(" "))("takes what the export gives, value for value: %s", async (query) => {
    const format = { hf: "safetensors", bundle: "onnx" }[query] ?? query.split("&")[0];
    const file = await exported(`format=${query}`);
    const answer = await send(file);
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      object: "version",
      status: "inactive",
      fine_tune_id: null,
      parent_version: null,
      metrics: null,
      snapshot_hash: null,
      seed: null,
      engine: null,
      base_model: "mobile_sam",
      imported: {
        format,
        file_name: null,
        sha256: sha256(file),
        bytes: file.length,
        says: { project, version: "1", snapshot_hash: sha256("snapshot") },
        focus: "plain",
        actor: app.a.keyId,
      },
    });
    const number = Number(answer.body["number"]);
    const response = await app.app.request(`${url}/${number}/export`, {
      headers: { authorization: `Bearer ${app.a.key}` },
    });
    const { tensors } = decodeSafetensors(new Uint8Array(await response.arrayBuffer()));
    expect(sha256(encodeSafetensors(tensors))).toBe(sha256(encodeSafetensors(weights)));
  });

  it("makes a version that can be listed, promoted and started from", async () => {
    const number = Number((await send(encodeSafetensors(weights))).body["number"]);
    expect((await app.a.get(`${url}/${number}`)).body).toMatchObject({ number, metrics: null });
    expect((await app.a.post(`${url}/${number}/promote`, {})).status).toBe(200);
    await seedAnnotated(app, project, 3);
    const job = await app.a.post(`/v1/projects/${project}/fine-tunes`, { base_version: number });
    expect([job.status, job.body["base_version"]]).toEqual([202, number]);
    const card = await app.app.request(`${url}/${number}/export?format=card`, {
      headers: { authorization: `Bearer ${app.a.key}` },
    });
    expect(await card.text()).toContain("Not measured here: it was imported.");
  });

  it("makes one version of a request that is sent twice", async () => {
    const headers = { "idempotency-key": "once" };
    const [first, second] = [
      await send(encodeSafetensors(weights), headers),
      await send(encodeSafetensors(weights), headers),
    ];
    expect(second.body["number"]).toBe(first.body["number"]);
  });

  const token = (data: Float32Array, shape = [1, 256]) => changed(weights, { [iou]: { shape, data } });
  const bad: Record<string, [string, () => Uint8Array | Promise<Uint8Array>]> = {
    "a pickle that calls for another global": [
      "422 weights_foreign_global file",
      () =>
        zip(
          { "archive/data.pkl": Buffer.from("\u0080\u0002cos\nsystem\n(X\u0002\0\0\0idtR.", "latin1") },
          false,
        ),
    ],
    "a zip bomb": [
      "422 weights_zip_bomb file",
      () => zip({ "archive/data.pkl": Buffer.from("}."), "archive/data/0": Buffer.alloc(8 << 20) }, true),
    ],
    "a truncated PyTorch file": [
      "422 weights_truncated file",
      async () => (await buffer(torchFile(contentsOf(weights)))).subarray(0, 9_000_000),
    ],
    "truncated safetensors": [
      "422 weights_truncated file",
      () => encodeSafetensors(weights).subarray(0, 9_000_000),
    ],
    "truncated ONNX": [
      "422 weights_truncated file",
      async () => (await exported("format=onnx")).subarray(0, 9_000_000),
    ],
    "a tensor of another shape": [
      "422 weights_wrong_architecture file",
      () => encodeSafetensors(token(new Float32Array(512), [2, 256])),
    ],
    "a tensor too few": [
      "422 weights_names_missing file",
      () => encodeSafetensors(changed(weights, { [iou]: null })),
    ],
    "a tensor too many": [
      "422 weights_wrong_architecture file",
      () => encodeSafetensors(changed(weights, { "mask_decoder.hf_token.weight": weights[iou] })),
    ],
    NaN: [
      "422 weights_not_finite file",
      () => encodeSafetensors(token(new Float32Array(256).fill(Number.NaN, 7, 8))),
    ],
    "infinity in a PyTorch file": [
      "422 weights_not_finite file",
      () => buffer(torchFile(contentsOf(token(new Float32Array(256).fill(Number.POSITIVE_INFINITY, 9, 10))))),
    ],
    "a decoder of another encoder": [
      "422 weights_base_mismatch file",
      () => encodeSafetensors(weights, { base_model: "sam_vit_b", encoder: "0".repeat(64) }),
    ],
    "a decoder of SAM 2's": [
      "422 weights_base_mismatch file",
      async () => encodeSafetensors(await sam2Decoder()),
    ],
    "a point head that is cut off": [
      "422 weights_unreadable file",
      () =>
        encodeSafetensors(weights, {
          focus: JSON.stringify({
            zoom: null,
            refine: {
              point_head: { hidden: 24, weights: Buffer.alloc(400).toString("base64"), score_shift: 0 },
            },
          }),
        }),
    ],
    "a pickle of 8 MB of empty dicts": [
      "422 weights_zip_bomb file",
      () => zip({ "archive/data.pkl": emptyDicts(8 << 20) }, false),
    ],
    "a pickle of 3 MB of empty dicts": [
      "422 weights_zip_bomb file",
      () => zip({ "archive/data.pkl": emptyDicts(3 << 20) }, false),
    ],
    "safetensors with 400,000 names": ["422 weights_unreadable file", () => manyNames(400_000)],
    "safetensors with 40,000 names": ["422 weights_unreadable file", () => manyNames(40_000)],
    "an ONNX file of 25 MB of empty nodes": ["422 weights_unreadable file", () => emptyNodes(25 << 20)],
    text: ["422 weights_unreadable file", () => Buffer.from("these are no weights at all")],
    nothing: ["422 weights_truncated file", () => Buffer.from("x")],
  };
  it.each(Object.keys(bad))("refuses %s and keeps nothing of it", async (name) => {
    const [error, make] = bad[name] as (typeof bad)[string];
    const before = await traces();
    const answer = await send(await make());
    expect(errorOf(answer)).toBe(error);
    // Where uploads lie on this machine is nobody's business.
    expect(JSON.stringify(answer.body)).not.toContain("maskwright-upload");
    expect(await traces()).toEqual(before);
  });

  it("refuses what is too large by its length alone, and keys that were used for another file", async () => {
    const before = await traces();
    const large = { "content-length": "99999999999" };
    expect(errorOf(await send(Buffer.from("x"), large))).toBe("413 import_too_large");
    const long = { "idempotency-key": "k".repeat(256) };
    expect(errorOf(await send(encodeSafetensors(weights), long))).toBe(
      "400 idempotency_key_invalid idempotency-key",
    );
    expect(errorOf(await send(encodeSafetensors(base), { "idempotency-key": "once" }))).toBe(
      "409 idempotency_key_reused",
    );
    expect(await traces()).toEqual(before);
  });

  it("refuses JSON, and projects that are not the caller's", async () => {
    expect(errorOf(await app.a.post(url, {}))).toBe("415 unsupported_media_type");
    expect(errorOf(await app.b.send("POST", url, { body: "x" }))).toBe("404 project_not_found project_id");
  });
});

describe("imported weights and the quota of bytes", () => {
  const quota = (bytes: number | null) =>
    app.sql`update workspaces set quota_bytes = ${bytes} where id = ${app.b.workspaceId}`;
  const used = async () => ((await app.b.get("/v1/usage")).body["bytes"] as { used: number }).used;
  const sendB = (to: string) =>
    app.b.send("POST", `/v1/projects/${to}/versions`, {
      body: Uint8Array.from(encodeSafetensors(weights)),
      headers: { "content-type": "application/octet-stream" },
    });

  it("count as stored, bound all projects together, and are given back with their project", async () => {
    const [one, two] = [await makeProject(app.b), await makeProject(app.b)];
    const before = await used();
    const first = await sendB(one);
    expect(first.status).toBe(201);
    const { bytes } = first.body["weights"] as { bytes: number };
    expect((await used()) - before).toBe(bytes);

    await quota(before + 2 * bytes - 1);
    const left = await keysBelow(app.store, "projects/");
    expect(errorOf(await sendB(two))).toBe("403 quota_exceeded bytes");
    expect(await keysBelow(app.store, "projects/")).toEqual(left);

    // Several at once, each of which has room: only as many as have it together.
    await quota(before + 2 * bytes);
    const answers = await Promise.all([sendB(one), sendB(two), sendB(two)]);
    expect(answers.map(errorOf).sort()).toEqual([
      "201",
      "403 quota_exceeded bytes",
      "403 quota_exceeded bytes",
    ]);
    expect((await keysBelow(app.store, "projects/")).length).toBe(left.length + 1);

    expect((await app.b.send("DELETE", `/v1/projects/${one}`)).status).toBe(200);
    expect((await app.b.send("DELETE", `/v1/projects/${two}`)).status).toBe(200);
    expect(await used()).toBe(before);
    await quota(null);
  });

  it("are all of versions that counts: what a fine-tune makes is free", async () => {
    const usage = async () => (await app.a.get("/v1/usage")).body["bytes"];
    const before = await usage();
    await seedVersion(app, await makeProject(app.a), 1, encodeSafetensors(weights));
    expect(await usage()).toEqual(before);
  });

  it("leave images their quota, and need none of it", async () => {
    const id = await makeProject(app.b);
    await app.sql`update workspaces set quota_images = 0 where id = ${app.b.workspaceId}`;
    expect((await sendB(id)).status).toBe(201);
    await app.sql`update workspaces set quota_images = null where id = ${app.b.workspaceId}`;
    // Full of weights, there is no room for an image.
    await quota(await used());
    const image = await app.b.send("POST", `/v1/projects/${id}/images`, {
      body: Uint8Array.from(await asPng(discImage(64, 48, { x: 30, y: 20, radius: 10 }).image)),
    });
    expect(errorOf(image)).toBe("403 quota_exceeded bytes");
    await quota(null);
  });
});
