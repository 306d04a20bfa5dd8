import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, rectangle, rectangleRle, seedImage } from "../helpers/seeds.ts";

let app: TestApp;
let project: string;
let image: string;
let url: string;
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  image = await seedImage(app, project);
  url = `/v1/projects/${project}/annotations`;
});
afterAll(() => app?.close());

/** A PNG of 20 x 10 grey values, base64. */
const png = async (values: Uint8Array): Promise<string> =>
  (
    await sharp(values, { raw: { width: 20, height: 10, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer()
  ).toString("base64");

describe("POST annotations", () => {
  it("stores a mask in any format as the same RLE, with the mask's own box", async () => {
    const rle = rectangleRle([4, 2, 9, 7]);
    const masks = [
      rle,
      { format: "polygon", polygons: [[4, 2, 9, 2, 9, 7, 4, 7]] },
      { format: "png", data: await png(rectangle([4, 2, 9, 7]).data.map((v) => v * 255)) },
    ];
    for (const mask of masks) {
      const answer = await app.a.post(url, { image_id: image, mask, label: "stamp" });
      expect(answer.status).toBe(201);
      expect(answer.body).toEqual({
        id: expect.stringMatching(/^ann_/),
        object: "annotation",
        image_id: image,
        mask: rle,
        box: [4, 2, 9, 7],
        area: 25,
        label: "stamp",
        source: "api",
        lineage: null,
        created_at: expect.any(String),
      });
    }
  });

  it("takes a box that holds some of the mask, and the group for the split", async () => {
    const answer = await app.a.post(url, {
      image_id: image,
      mask: rectangleRle([4, 2, 9, 7]),
      box: [3.5, 1.5, 9.5, 7.25],
      group: "page 1",
    });
    expect(answer.body["box"]).toEqual([3.5, 1.5, 9.5, 7.25]);
    expect((await app.a.get(`/v1/projects/${project}/images/${image}`)).body["group"]).toBe("page 1");
  });

  it("cuts a box at the image's edge", async () => {
    const mask = rectangleRle([4, 2, 9, 7]);
    const answer = await app.a.post(url, { image_id: image, mask, box: [-0.5, 2, 20.25, 11] });
    expect(answer.body["box"]).toEqual([0, 2, 20, 10]);
  });

  const ok = rectangleRle([4, 2, 9, 7]);
  const grey = new Uint8Array(200).fill(255);
  grey[7] = 128;
  it.each<[string, () => Promise<object> | object, string]>([
    ["a mask of another size", () => ({ mask: { ...ok, size: [20, 10] } }), "422 mask_size_mismatch mask"],
    [
      "a PNG of another size",
      async () => ({
        mask: {
          format: "png",
          data: (
            await sharp({ create: { width: 5, height: 5, channels: 3, background: "white" } })
              .png()
              .toBuffer()
          ).toString("base64"),
        },
      }),
      "422 mask_size_mismatch mask",
    ],
    ["an empty RLE", () => ({ mask: rectangleRle([0, 0, 0, 0]) }), "422 mask_empty mask"],
    [
      "no polygon",
      () => ({ mask: { format: "polygon", polygons: [] } }),
      "422 mask_polygon_invalid mask.polygons",
    ],
    [
      "an odd polygon",
      () => ({ mask: { format: "polygon", polygons: [[1, 1, 5, 1, 5]] } }),
      "422 mask_polygon_invalid mask.polygons[0]",
    ],
    [
      "a grey PNG",
      async () => ({ mask: { format: "png", data: await png(grey) } }),
      "422 mask_not_binary mask.data",
    ],
    [
      "a PNG that is none",
      () => ({ mask: { format: "png", data: "AAAA" } }),
      "422 mask_png_invalid mask.data",
    ],
    [
      "an RLE that doesn't add up",
      () => ({ mask: { ...ok, counts: ok.counts.slice(0, -1) } }),
      "422 mask_rle_invalid mask.counts",
    ],
    [
      "an RLE of odd signs",
      () => ({ mask: { ...ok, counts: "\u0001{}" } }),
      "422 mask_rle_invalid mask.counts",
    ],
    ["a box outside", () => ({ mask: ok, box: [20, 2, 24, 7] }), "422 box_outside_image box"],
    ["a negative box", () => ({ mask: ok, box: [-9, 2, -1, 7] }), "422 box_outside_image box"],
    ["a box without area", () => ({ mask: ok, box: [4, 2, 4, 7] }), "422 box_zero_area box"],
    ["a box the wrong way round", () => ({ mask: ok, box: [9, 7, 4, 2] }), "422 box_zero_area box"],
    ["a box beside the mask", () => ({ mask: ok, box: [12, 2, 18, 7] }), "422 box_misses_mask box"],
    ["a box of three", () => ({ mask: ok, box: [1, 2, 3] }), "400 invalid_request box"],
    ["a box of text", () => ({ mask: ok, box: ["NaN", 0, 1, 1] }), "400 invalid_request box[0]"],
    ["an unknown format", () => ({ mask: { format: "bitmap" } }), "400 invalid_request mask.format"],
    [
      "logits",
      () => ({ mask: { format: "logits", shape: [10, 20], dtype: "float32", data: "" } }),
      "400 invalid_request mask.format",
    ],
    ["no mask", () => ({}), "400 invalid_request mask"],
    ["an unknown image", () => ({ image_id: "img_0", mask: ok }), "404 image_not_found image_id"],
  ])("refuses %s and leaves nothing behind", async (_what, make, error) => {
    const before = await app.traces();
    expect(errorOf(await app.a.post(url, { image_id: image, ...(await make()) }))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it("refuses NaN and infinite numbers", async () => {
    const send = (box: string) =>
      app.a.send("POST", url, {
        body: `{"image_id": "${image}", "mask": ${JSON.stringify(ok)}, "box": [${box}]}`,
        headers: { "content-type": "application/json" },
      });
    expect(errorOf(await send("NaN, 0, 1, 1"))).toBe("400 invalid_json");
    expect(errorOf(await send("0, 0, 1e999, 1"))).toBe("400 invalid_request box[2]");
  });

  it("takes no image of another project or workspace", async () => {
    const before = await app.traces();
    const mask = ok;
    const elsewhere = await makeProject(app.a, "elsewhere");
    const theirs = await makeProject(app.b, "theirs");
    expect(
      errorOf(await app.a.post(`/v1/projects/${elsewhere}/annotations`, { image_id: image, mask })),
    ).toBe("404 image_not_found image_id");
    expect(errorOf(await app.b.post(`/v1/projects/${theirs}/annotations`, { image_id: image, mask }))).toBe(
      "404 image_not_found image_id",
    );
    expect(errorOf(await app.b.post(url, { image_id: image, mask }))).toBe(
      "404 project_not_found project_id",
    );
    expect((await app.traces())["annotations"]).toBe(before["annotations"]);
  });
});

describe("annotations that are there", () => {
  it("are listed, by image too, read and deleted by their workspace alone", async () => {
    const other = await seedImage(app, project);
    const made = await app.a.post(url, { image_id: other, mask: rectangleRle([0, 0, 1, 1]) });
    const listed = await app.a.get(`${url}?image_id=${other}`);
    expect(listed.body).toMatchObject({ data: [made.body], has_more: false });
    const one = `${url}/${idOf(made)}`;
    expect((await app.a.get(one)).body).toEqual(made.body);
    expect(errorOf(await app.b.get(url))).toBe("404 project_not_found project_id");
    expect(errorOf(await app.b.get(one))).toBe("404 annotation_not_found annotation_id");
    expect(errorOf(await app.b.send("DELETE", one))).toBe("404 annotation_not_found annotation_id");
    expect((await app.a.send("DELETE", one)).body).toMatchObject({ deleted: true });
    expect(errorOf(await app.a.get(one))).toBe("404 annotation_not_found annotation_id");
  });
});
