import type { Outgoing, Row, World } from "../types.ts";
import { inFirst, json, listBy, listOf, MB, predictHead, same } from "./make.ts";

const row = (name: string, make: (world: World) => Outgoing): Row => ({
  kind: "body",
  name,
  make: async (world) => Promise.resolve(same(make(world))),
});

/** A predict on the photo whose prompts' list is `item` over and over. */
const prompts = (name: string, bytes: number, item: string): Row =>
  row(name, (world) =>
    inFirst(world, "predict", listOf(bytes, item, predictHead(world.image("photo").id), "]}")),
  );

/** An annotation of the photo whose polygons are `item` over and over. */
const polygons = (name: string, bytes: number, item: string): Row =>
  row(name, (world) => {
    const head = `{"image_id":"${world.image("photo").id}","mask":{"format":"polygon","polygons":[`;
    return inFirst(world, "annotations", listOf(bytes, item, head, "]}}"));
  });

/** A predict with one more member. */
const withMember = (name: string, member: (world: World) => Buffer): Row =>
  row(name, (world) => {
    const head = `${predictHead(world.image("photo").id)}{"points":[[9,9,1]]}],`;
    return inFirst(world, "predict", Buffer.concat([Buffer.from(head), member(world), Buffer.from("}")]));
  });

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

export const bodies: readonly Row[] = [
  prompts("`predict` with 8 MB of prompts that are numbers", 8 * MB, "1"),
  prompts("the same with 32 MB", 32 * MB, "1"),
  prompts("`predict` with 30 MB of empty prompts", 30 * MB, "{}"),
  polygons("`annotations`, a polygon of 7.5 MB of strings", 7.5 * MB, '"a"'),
  polygons("the same with 30 MB", 30 * MB, '"a"'),
  polygons("`annotations`, 30 MB of rings with a string each", 30 * MB, '["a"]'),
  prompts("`predict` with 8 MB of prompts in one another, 2,000,000 deep", 8 * MB, nested(2_000_000)),
  prompts("`predict` with 8 MB of lists, 20 deep each", 8 * MB, nested(20)),
  prompts("`predict` with 300,000 boxes of numbers as text", 30 * MB, '{"box":["1","2","3","4"]}'),
  prompts("`predict` with 30 MB of whole prompts", 30 * MB, '{"box":[1,2,30,40]}'),
  row("`predict` with one prompt of 30 MB of points", (world) =>
    inFirst(
      world,
      "predict",
      listOf(30 * MB, "[1,1,1]", `${predictHead(world.image("photo").id)}{"points":[`, "]}]}"),
    ),
  ),
  row("`predict` with a prompt of 400,000 unknown keys", (world) =>
    inFirst(
      world,
      "predict",
      listBy(400_000, (i) => `"k${i}":1`, `${predictHead(world.image("photo").id)}{`, "}]}"),
    ),
  ),
  row("`predict` with 400,000 unknown keys at the top", (world) =>
    inFirst(
      world,
      "predict",
      listBy(400_000, (i) => `"k${i}":[]`, "{", "}"),
    ),
  ),
  row("`predict` with the key `image` 1,000,000 times", (world) =>
    inFirst(world, "predict", listOf(20 * MB, '"image":{"id":"a"}', "{", "}")),
  ),
  withMember("`predict` with 10 MB of versions", () => listOf(10 * MB, "1", '"version":[')),
  withMember("`predict` with 8 MB of versions by name", () => listOf(8 * MB, '"base"', '"version":[')),
  withMember("`predict` with a number of 8,000,000 digits", () =>
    Buffer.from(`"polygon_tolerance":${"1".repeat(8 * MB)}`),
  ),
  withMember("`predict` with a format of 30 MB of escapes", () =>
    Buffer.from(`"format":"${"\\u0041".repeat((30 * MB) / 6)}"`),
  ),
  row("`predict`, 30 MB of spaces and no JSON", (world) =>
    inFirst(world, "predict", Buffer.alloc(30 * MB, " ")),
  ),
  row("`predict`, 30 MB of brackets and no end", (world) =>
    inFirst(world, "predict", Buffer.alloc(30 * MB, "[")),
  ),
  row("`predict` with 30 MB of prompts, chunked", (world) => ({
    ...inFirst(world, "predict", listOf(30 * MB, "1", predictHead(world.image("photo").id), "]}")),
    chunked: true,
  })),
  row("`predict` with an image of 30 MB of base64 that is none", (world) =>
    inFirst(
      world,
      "predict",
      Buffer.from(`{"image":{"base64":"${"A".repeat(30 * MB)}"},"prompts":[{"points":[[1,1,1]]}]}`),
    ),
  ),
  row("`annotations` with a label of 30 MB", (world) =>
    inFirst(
      world,
      "annotations",
      json({
        image_id: world.image("photo").id,
        label: "a".repeat(30 * MB),
        mask: { format: "polygon", polygons: [[1, 1, 50, 1, 50, 50]] },
      }),
    ),
  ),
  row("`annotations` with 20 MB of points and an Idempotency-Key", (world) => {
    const head = `{"image_id":"${world.image("photo").id}","mask":{"format":"polygon","polygons":[[`;
    return {
      ...inFirst(world, "annotations", listOf(20 * MB, "1,1,9,9", head, "]]}}")),
      headers: { "idempotency-key": "twenty megabytes" },
    };
  }),
  row("`annotations` with an Idempotency-Key of 15 kB", (world) => ({
    ...inFirst(world, "annotations", json({ image_id: world.image("photo").id })),
    headers: { "idempotency-key": "k".repeat(15_000) },
  })),
  row("`segment-everything` with 30 MB of grid points", (world) => {
    const head = `{"image":{"id":"${world.image("photo").id}"},"point_grids":[[`;
    return inFirst(world, "segment-everything", listOf(30 * MB, "[0.5,0.5]", head, "]]}"));
  }),
  row("`segment-everything` with 8 MB of grids that are numbers", (world) => {
    const head = `{"image":{"id":"${world.image("photo").id}"},"point_grids":[`;
    return inFirst(world, "segment-everything", listOf(8 * MB, "1", head, "]}"));
  }),
  row("`fine-tunes` with 60 kB of hyperparameters", (world) =>
    inFirst(
      world,
      "fine-tunes",
      listBy(6000, (i) => `"k${i}":1`, '{"hyperparameters":{', "}}"),
    ),
  ),
  row("`fine-tunes` with 30 MB of hyperparameters", (world) =>
    inFirst(world, "fine-tunes", listOf(30 * MB, '"k":1', '{"hyperparameters":{', "}}")),
  ),
  row("`keys` with 10 MB of scopes", () => ({
    path: "/v1/keys",
    body: listOf(10 * MB, '"read"', '{"name":"a","scopes":[', "]}"),
  })),
  row("a multipart image with 100,000 fields before it", (world) => {
    const field = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n';
    const file =
      '--x\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\nno image\r\n--x--\r\n';
    return {
      ...inFirst(world, "images", Buffer.from(field.repeat(100_000) + file)),
      type: "multipart/form-data; boundary=x",
    };
  }),
  row("a multipart image with a part's head of 10 MB", (world) => ({
    ...inFirst(
      world,
      "images",
      Buffer.from(
        `--x\r\ncontent-disposition: form-data; name="${"a".repeat(10 * MB)}"\r\n\r\n1\r\n--x--\r\n`,
      ),
    ),
    type: "multipart/form-data; boundary=x",
  })),
];
