import { writeArrayBuffer } from "geotiff";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type Files, picture, readAll, toldBy, useZips } from "./zips.ts";

const zips = useZips();
const [width, height] = [40, 30];
const image = await picture(1, width, height);

/** Two squares of 8 x 8, one of them with `a`, one with `b`, on `rest`. */
function values(a: number, b: number, rest = 0): Uint8Array {
  const data = new Uint8Array(width * height).fill(rest);
  for (let y = 4; y < 12; y++) {
    data.fill(a, y * width + 4, y * width + 12);
    data.fill(b, y * width + 20, y * width + 28);
  }
  return data;
}
const grey = (data: Uint8Array) => sharp(data, { raw: { width, height, channels: 1 } }).toColourspace("b-w");
const png16 = (of: (value: number) => number, data: Uint8Array) =>
  sharp(Uint16Array.from(data, of), { raw: { width, height, channels: 1 } })
    .toColourspace("grey16")
    .png()
    .toBuffer();
const colours = (of: (value: number) => readonly number[], channels: 3 | 4, data = values(1, 2)) =>
  sharp(Uint8Array.from([...data].flatMap((value) => [...of(value)])), { raw: { width, height, channels } });

async function areas(mask: Buffer, name = "masks/a.png", choices = {}, more: Files = {}) {
  const { dataset, items } = await readAll(await zips.zip({ "images/a.png": image, [name]: mask, ...more }), {
    choices,
  });
  return {
    objects: items[0]?.annotations.map(({ area, label }) => (label === null ? area : `${label} ${area}`)),
    background: items[0]?.background,
    ...toldBy(dataset),
  };
}

describe("a mask file", () => {
  const both = [64, 64];

  it.each<[string, () => Promise<Buffer>, string?]>([
    ["of 0 and 255", () => grey(values(255, 255)).png().toBuffer()],
    ["of 0 and 1", () => grey(values(1, 1)).png().toBuffer()],
    ["of 0 and 38", () => grey(values(38, 38)).png().toBuffer()],
    ["of one bit", () => grey(values(255, 255)).png({ palette: true, colours: 2 }).toBuffer()],
    ["of 16 bits, 0 and 65535", () => png16((v) => v * 257, values(255, 255))],
    ["of 16 bits, 0 and 255", () => png16((v) => v, values(255, 255))],
    ["of soft edges", () => softPng()],
    ["as TIFF", () => grey(values(255, 255)).tiff({ compression: "lzw" }).toBuffer(), "masks/a.tif"],
    ["as JPEG", () => grey(values(255, 255)).jpeg({ quality: 80 }).toBuffer(), "masks/a.jpg"],
    ["as GIF", () => grey(values(255, 255)).gif().toBuffer(), "masks/a.gif"],
    [
      "of one colour",
      () =>
        colours((v) => (v ? [200, 0, 40] : [0, 0, 0]), 3)
          .png()
          .toBuffer(),
    ],
    [
      "white where it is opaque",
      () =>
        colours((v) => (v ? [255, 255, 255, 255] : [0, 0, 0, 0]), 4)
          .png()
          .toBuffer(),
    ],
    [
      "cut out of a picture",
      () =>
        colours((v) => [90 + v, 30, 7, v ? 255 : 0], 4)
          .png()
          .toBuffer(),
    ],
    ["of floats from 0 to 1", async () => tiffOf(Float32Array.from(values(1, 1)), 3, 32), "masks/a.tif"],
  ])("%s is one object", async (_, make, name) => {
    const { objects, skipped } = await areas(await make(), name);
    expect(skipped).toEqual({});
    expect(objects).toHaveLength(1);
    // Smoothed edges and JPEG's ringing move a pixel here and there.
    expect(Math.abs((objects?.[0] as number) - 128)).toBeLessThan(14);
  });

  it.each<[string, () => Promise<Buffer>, string?]>([
    ["of 1 and 2", () => grey(values(1, 2)).png().toBuffer()],
    [
      "of 1, 2 and a void border",
      () =>
        grey(values(1, 2, 0).map((v, i) => (i < width ? 255 : v)))
          .png()
          .toBuffer(),
    ],
    ["of 16 bits", () => png16((v) => v * 1000, values(1, 2))],
    [
      "of two colours",
      () =>
        colours(
          (v) =>
            [
              [0, 0, 0],
              [128, 0, 0],
              [0, 128, 0],
            ][v] as number[],
          3,
        )
          .png()
          .toBuffer(),
    ],
    [
      "of a palette",
      () =>
        colours(
          (v) =>
            [
              [0, 0, 0],
              [128, 0, 0],
              [0, 128, 0],
            ][v] as number[],
          3,
        )
          .png({ palette: true })
          .toBuffer(),
    ],
    [
      "of 32-bit numbers",
      async () => tiffOf(Uint32Array.from(values(7, 70_000 % 251)), 1, 32),
      "masks/a.tif",
    ],
  ])("%s is an object a value", async (_, make, name) => {
    const { objects, skipped, notes } = await areas(await make(), name);
    expect({ objects, skipped }).toEqual({ objects: both, skipped: {} });
    expect(notes).toContain("mask_values");
  });

  it("is what it is asked to be", async () => {
    const labels = await grey(values(1, 2)).png().toBuffer();
    expect((await areas(labels, undefined, { masks: "binary" })).objects).toEqual([128]);
    const one = await grey(values(255, 255)).png().toBuffer();
    expect((await areas(one, undefined, { splitParts: true })).objects).toEqual(both);
  });

  it("takes names from the tables that tools write", async () => {
    const coloured = await colours(
      (v) =>
        [
          [0, 0, 0],
          [128, 0, 0],
          [0, 128, 0],
        ][v] as number[],
      3,
    )
      .png()
      .toBuffer();
    const numbered = await grey(values(1, 2)).png().toBuffer();
    const named = ["seal 64", "stamp 64"];
    for (const [mask, table, text] of [
      [
        coloured,
        "labelmap.txt",
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nseal:128,0,0::\nstamp:0,128,0::\n",
      ],
      [coloured, "class_dict.csv", "name,r,g,b\nbackground,0,0,0\nseal,128,0,0\nstamp,0,128,0\n"],
      [coloured, "label_colors.txt", "0 0 0\tvoid\n128 0 0\tseal\n0 128 0\tstamp\n"],
      [numbered, "_classes.csv", "Pixel Value, Class\n0, background\n1, seal\n2, stamp\n"],
      // Datumaro 0.3 without colours: the lines count.
      [numbered, "labelmap.txt", "background:0,0,0::\nseal:128,0,0::\nstamp:0,128,0::\n"],
      [numbered, "label_colors.txt", " seal\n stamp\n"],
      [numbered, "class_names.txt", "__ignore__\n_background_\nseal\nstamp\n"],
    ] as const) {
      const { objects, skipped } = await areas(mask, undefined, {}, { [table]: text });
      expect({ objects: objects?.toSorted(), skipped }, table).toEqual({ objects: named, skipped: {} });
    }
  });

  it("that is all black says that nothing is there", async () => {
    const { dataset, items } = await readAll(
      await zips.zip({
        "images/a.png": image,
        "masks/a.png": await grey(values(0, 0)).png().toBuffer(),
        "images/b.png": await picture(2, width, height),
        "masks/b.png": await grey(values(255, 255)).png().toBuffer(),
        "images/c.png": await picture(3, width, height),
      }),
    );
    expect(items.map((item) => item.background)).toEqual([true, false, false]);
    expect(toldBy(dataset).skipped).toEqual({});
  });

  it("that is black on white is noticed", async () => {
    const { objects, notes } = await areas(
      await grey(values(0, 0, 255))
        .png()
        .toBuffer(),
    );
    expect(objects).toEqual([128]);
    expect(notes).toEqual(["inverted"]);
  });

  it("that is a pixel larger is cut, and told", async () => {
    const wide = await sharp(await grey(values(255, 255)).png().toBuffer())
      .extend({ right: 1, background: "#000" })
      .png()
      .toBuffer();
    const { objects, notes } = await areas(wide);
    expect({ objects, notes }).toEqual({ objects: [128], notes: ["mask_cut"] });
  });

  it.each([3, 6])("of the pixels before EXIF turns them (%i) is turned with them", async (orientation) => {
    // A bright square top left on dark ground, as stored.
    const stored = Uint8Array.from([...values(255, 0)].flatMap((v) => [v, v, v]));
    const jpeg = await sharp(stored, { raw: { width, height, channels: 3 } })
      .withMetadata({ orientation })
      .jpeg()
      .toBuffer();
    const mask = await grey(values(255, 0)).png().toBuffer();
    const { dataset, items } = await readAll(await zips.zip({ "images/a.jpg": jpeg, "masks/a.png": mask }));
    expect(toldBy(dataset).notes).toEqual(["turned"]);
    expect(items[0]?.annotations[0]?.box).toEqual(orientation === 3 ? [28, 18, 36, 26] : [18, 4, 26, 12]);
    const seen = await sharp(mask)
      .rotate(orientation === 3 ? 180 : 90)
      .png()
      .toBuffer();
    const again = await readAll(await zips.zip({ "images/a.jpg": jpeg, "masks/a.png": seen }));
    expect(toldBy(again.dataset).notes).toEqual([]);
    expect(again.items[0]?.annotations[0]?.box).toEqual(items[0]?.annotations[0]?.box);
  });
});

const softPng = (): Promise<Buffer> => grey(values(255, 255)).blur(0.7).png().toBuffer();

function tiffOf(data: Uint32Array | Float32Array, format: number, bits: number): Buffer {
  const metadata = {
    width,
    height,
    SampleFormat: [format],
    BitsPerSample: [bits],
    SamplesPerPixel: 1,
    PhotometricInterpretation: 1,
  };
  return Buffer.from(writeArrayBuffer(data as unknown as number[], metadata as never));
}
