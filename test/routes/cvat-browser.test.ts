import { afterAll, beforeAll, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, RleMask } from "../../src/imaging/types.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { type Answer, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { bitsOnImage } from "../worlds/cvat.ts";
import { asPng, discImage } from "../worlds/images.ts";

/** CVAT's Segment Anything plugin: embeddings of ours, and a version's decoder in the browser. */

let app: TestApp;
let project: string;
let image: string;
const [width, height] = [120, 90];
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  const drawn = discImage(width, height, { x: 60, y: 45, radius: 25 });
  image = (await asPng(drawn.image)).toString("base64");
  await seedVersion(app, project, 1, encodeSafetensors(await baseModel("mobile_sam").decoderWeights()));
});
afterAll(() => app?.close());

const encode = (json: object): Promise<Answer> => app.a.post(`/cvat/${project}/encoder`, json);
const bytesOf = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
  const headers = { authorization: `Bearer ${app.a.key}` };
  const response = await app.app.request(`/v1/projects/${project}/${path}`, { headers });
  return new Uint8Array(await response.arrayBuffer());
};
const blobOf = ({ body }: Answer): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(String(body["blob"]), "base64"));
const predicted = async (prompt: object): Promise<BinaryMask> => {
  const asked = { image: { base64: image }, version: 1, prompts: [prompt] };
  const { body } = await app.a.post(`/v1/projects/${project}/predict`, asked);
  const [{ predictions }] = body["results"] as [{ predictions: [{ masks: [RleMask] }] }];
  return decodeRle(predictions[0].masks[0]);
};

it("gives the embedding that a stored image has, and refuses what is no image", async () => {
  const blob = blobOf(await encode({ image }));
  const body = Uint8Array.from(Buffer.from(image, "base64"));
  const headers = { "content-type": "image/png" };
  const stored = idOf(await app.a.send("POST", `/v1/projects/${project}/images`, { body, headers }));
  expect(Buffer.from(await bytesOf(`images/${stored}/embedding`)).equals(blob)).toBe(true);
  expect(blob.length).toBe(4 * 256 * 64 * 64);
  expect(errorOf(await encode({ image: image.slice(0, 400) }))).toBe("422 image_truncated image");
  expect(app.services.memory.used).toBe(0);
});

it("decodes in CVAT's browser as predict does: its embedding, a version's file, and the plugin's own feeds", async () => {
  const file = await bytesOf("versions/1/export?format=onnx&variant=cvat");
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
  const blob = blobOf(await encode({ image }));
  // cvat-ui/plugins/sam of 2.54.1: the rectangle's corners, then points; no padding, whatever was drawn.
  const decode = async (clicks: readonly (readonly number[])[]): Promise<BinaryMask> => {
    const scale = 1024 / Math.max(width, height);
    const tensor = (data: number[] | Float32Array, dims: number[]) =>
      new ort.Tensor("float32", Float32Array.from(data), dims);
    const out = await session.run({
      image_embeddings: tensor(new Float32Array(blob.buffer), [1, 256, 64, 64]),
      point_coords: tensor(
        clicks.flatMap(([x = 0, y = 0]) => [x * scale, y * scale]),
        [1, clicks.length, 2],
      ),
      point_labels: tensor(
        clicks.map(([, , label = 0]) => label),
        [1, clicks.length],
      ),
      orig_im_size: tensor([height, width], [2]),
      mask_input: tensor(new Float32Array(65_536), [1, 1, 256, 256]),
      has_mask_input: tensor([0], [1]),
    });
    const edges = ["xtl", "ytl", "xbr", "ybr"].map((name) => Number((out[name]!.data as BigInt64Array)[0]));
    return bitsOnImage([...(out["masks"]!.data as Uint8Array), ...edges], [height, width]);
  };
  const click = [60, 45, 1];
  const boxed = await decode([[34, 19, 2], [86, 71, 3], click]);
  expect(iou(boxed, await predicted({ points: [click], box: [34, 19, 86, 71] }))).toBeGreaterThan(0.999);
  // Without padding a click alone is another prompt to the decoder, though hardly.
  expect(iou(await decode([click]), await predicted({ points: [click] }))).toBeGreaterThan(0.98);
  await session.release();
});
