import { masksOfLabels, type LabelMap } from "../../imaging/label-map.ts";
import { AppError } from "../../lib/errors.ts";
import { arrayIn, numpyDict } from "../numpy.ts";
import type { FoundObject, PlannedImage, Source } from "../plan.ts";
import { splitOf } from "../names.ts";
import type { FormatContext } from "../types.ts";

const ending = /_seg\.npy$/i;

/**
 * What Cellpose's window saves beside an image: `<stem>_seg.npy`, a pickled dict whose `masks` numbers the objects, of
 * one plane. Where `<stem>_cp_masks` lies beside it, that is read. Source: cellpose, io.py (masks_flows_to_seg) and
 * gui/io.py (_save_sets).
 */
export function cellposeSource({ zip, finder, claim, report, reading }: FormatContext): Source | null {
  const planned = new Map<string, PlannedImage>();
  const names = [...zip.entries.keys()];
  const pictures = new Set(
    names
      .filter((name) => /_cp_masks\.(png|tiff?)$/i.test(name))
      .map((name) => name.replace(/_cp_masks\.\w+$/i, "")),
  );
  const files = names.filter((name) => ending.test(name) && !pictures.has(name.replace(ending, "")));
  for (const file of files) {
    claim(file);
    const [image, ...others] = finder.find(file.replace(ending, ""), file);
    if (image === undefined || others.length > 0) {
      report.leave("mask_without_image", { file, detail: "there is no image of this name" });
      continue;
    }
    planned.set(image, {
      name: image,
      alsoNamed: [],
      declared: null,
      group: undefined,
      split: splitOf(image),
      count: 1,
      background: false,
      masks: () => [
        {
          place: { file },
          label: null,
          read: async ({ width, height }, signal) => {
            reading?.(file);
            const map = mapOf(await zip.read(file, signal));
            if (map.width !== width || map.height !== height)
              throw new AppError(
                "mask_size_mismatch",
                `the masks are ${map.width} x ${map.height} pixels, the image ${width} x ${height}`,
              );
            return [...(masksOfLabels(map) ?? new Map<number, FoundObject>()).values()];
          },
        },
      ],
    });
  }
  const [first] = files;
  return first === undefined
    ? null
    : { layout: "cellpose", title: "Cellpose's _seg.npy", file: first, rank: 9, images: planned };
}

const readers: Readonly<
  Record<string, readonly [bytes: number, read: (bytes: Buffer, at: number) => number]>
> = {
  "|u1": [1, (bytes, at) => bytes.readUInt8(at)],
  "<u2": [2, (bytes, at) => bytes.readUInt16LE(at)],
  "<i2": [2, (bytes, at) => bytes.readInt16LE(at)],
  "<u4": [4, (bytes, at) => bytes.readUInt32LE(at)],
  "<i4": [4, (bytes, at) => bytes.readInt32LE(at)],
  "<i8": [8, (bytes, at) => Number(bytes.readBigInt64LE(at))],
};

/** The map of `masks`; planes of no depth are passed over. Throws AppError mask_png_invalid. */
function mapOf(file: Buffer): LabelMap {
  const { type, shape, fortran, bytes } = arrayIn(numpyDict(file).get("masks"));
  const sides = shape.filter((side, i) => side !== 1 || i >= shape.length - 2);
  const [height, width] = sides as [number, number];
  const reader = readers[type];
  if (sides.length !== 2 || height * width === 0 || !reader)
    throw new AppError(
      "mask_png_invalid",
      `its masks are of shape [${shape.join(", ")}] and type ${type}; one plane of whole numbers is read`,
    );
  const [size, read] = reader;
  if (bytes.length !== size * width * height)
    throw new AppError("mask_png_invalid", "its masks have not the bytes of their shape");
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Uint32Array(width * height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) values[i] = read(data, size * (fortran ? x * height + y : i));
  return { width, height, values };
}
