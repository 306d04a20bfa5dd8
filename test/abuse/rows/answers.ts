import type { ImageName, Row, World } from "../types.ts";
import { inFirst, json, same } from "./make.ts";

const boxes = ({ width, height }: { width: number; height: number }, count: number): object[] =>
  Array.from({ length: count }, (_, i) => {
    const [x, y] = [((i % 16) * width) / 20, (Math.floor(i / 16) * height) / 20];
    return { box: [x, y, x + width / 5, y + height / 5] };
  });

/** A predict by so many boxes. */
const predicted = (
  name: string,
  image: ImageName,
  count: number,
  more: object,
  options: Pick<Row, "times" | "answers"> = {},
): Row => ({
  kind: "answer",
  name,
  ...options,
  make: async (world) => {
    const found = world.image(image);
    const body = json({ image: { id: found.id }, prompts: boxes(found, count), ...more });
    return Promise.resolve(same(inFirst(world, "predict", body)));
  },
});

const everything = (name: string, image: ImageName, more: object): Row => ({
  kind: "answer",
  name: `\`segment-everything\`, ${name}`,
  make: async (world) =>
    Promise.resolve(
      same(inFirst(world, "segment-everything", json({ image: { id: world.image(image).id }, ...more }))),
    ),
});

const got = (name: string, path: (world: World) => string, times = 1): Row => ({
  kind: "answer",
  name,
  times,
  make: async (world) =>
    Promise.resolve(same({ method: "GET", path: `/v1/projects/${world.project(0)}/${path(world)}` })),
});

/** Keeps whatever is found. */
const all = { pred_iou_thresh: 0, stability_score_thresh: 0, box_nms_thresh: 1 };

export const answers: readonly Row[] = [
  predicted("four `logits` answers of 7000 x 7100 at once", "large", 1, { format: "logits" }, { times: 4 }),
  predicted("a `logits` answer of three masks of 7000 x 7100", "large", 1, {
    format: "logits",
    multimask: true,
  }),
  predicted("60 `logits` answers on the photo", "photo", 60, { format: "logits" }),
  predicted("256 `logits` answers on the photo", "photo", 256, { format: "logits" }),
  predicted("100 boxes on 8000 x 8000 as RLE", "flat", 100, {}, { answers: [200] }),
  predicted("100 boxes on 8000 x 8000 as polygons", "flat", 100, { format: "polygon" }),
  predicted("100 boxes on 8000 x 8000 as polygons with a tolerance", "flat", 100, {
    format: "polygon",
    polygon_tolerance: 3,
  }),
  predicted("40 boxes on 8000 x 8000 as PNG", "flat", 40, { format: "png" }),
  predicted("40 boxes on 8000 x 8000, three masks each", "flat", 40, { multimask: true }),
  predicted("60 boxes on 4000 x 4000 of noise as polygons", "noisy", 60, {
    format: "polygon",
    multimask: true,
  }),
  predicted("256 boxes on the photo", "photo", 256, {}, { answers: [200] }),
  everything("256 points on 8000 x 8000", "flat", { points_per_side: 16 }),
  everything("256 points on 8000 x 8000, all kept, as PNG", "flat", {
    points_per_side: 16,
    ...all,
    format: "png",
  }),
  everything("256 points on 4000 x 4000 of noise, all kept, as polygons", "noisy", {
    points_per_side: 16,
    ...all,
    format: "polygon",
  }),
  everything("256 points on 8000 x 8000 with small regions filled", "flat", {
    points_per_side: 16,
    min_mask_region_area: 100_000,
  }),
  everything("21 crops of 8000 x 8000", "flat", { points_per_side: 4, crop_n_layers: 2 }),
  everything("85 crops of the photo", "photo", { points_per_side: 2, crop_n_layers: 3 }),
  everything("65,000 points with three layers of crops", "photo", { points_per_side: 256, crop_n_layers: 3 }),
  everything("1024 points of the photo in one batch, all kept", "photo", { points_per_batch: 1024, ...all }),
  got(
    "the embedding of 8000 x 8000, 40 at once",
    (world) => `images/${world.image("flat").id}/embedding`,
    40,
  ),
  got("the bytes of 8000 x 8000, 40 at once", (world) => `images/${world.image("flat").id}/content`, 40),
  got(
    "the thumbnail of 8000 x 8000, 40 at once",
    (world) => `images/${world.image("flat").id}/thumbnail`,
    40,
  ),
  got("the base as safetensors, 8 at once", () => "versions/base/export", 8),
  got("the base as ONNX, 8 at once", () => "versions/base/export?format=onnx", 8),
  got("the base as a bundle, 8 at once", () => "versions/base/export?format=bundle", 8),
  got("100 logged predictions", () => "predictions?limit=100"),
  got("the gallery", () => "gallery"),
];
