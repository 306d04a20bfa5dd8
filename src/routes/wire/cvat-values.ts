import type { z } from "@hono/zod-openapi";
import type { AskedInteraction } from "../../actions/cvat/answer-interaction.ts";
import type { Bits } from "../../actions/cvat/bits.ts";
import type { Detected } from "../../actions/cvat/detect.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import type { LateJson, LateValues } from "../http/stream-json.ts";
import type { cvatMask, CvatInteractorBody, cvatObjects } from "./cvat.ts";

export const toInteraction = ({
  image,
  pos_points: positive,
  neg_points: negative,
  obj_bbox: box,
}: CvatInteractorBody): Pick<AskedInteraction, "base64" | "positive" | "negative" | "corners"> => {
  const [first, second] = box ?? [];
  return { base64: image, positive, negative, corners: first && second ? [first, second] : null };
};

export function toMask({ mask, box }: Bits, late: LateValues): z.output<typeof cvatMask> {
  const [left, top, right, bottom] = box;
  const empty = mask.data.length === 1 && mask.data[0] === 0;
  return {
    mask: late.put(rowsOf(mask)) as unknown as number[][],
    bounds: [left, top, right, bottom],
    ...(empty && { points: [] }),
  };
}

export const toObjects = (objects: readonly Detected[], late: LateValues): z.output<typeof cvatObjects> =>
  objects.map(({ label, confidence, bits }) => ({
    type: "mask",
    label,
    confidence,
    ...(bits.outline && { points: [...bits.outline] }),
    mask: late.put(flat(bits)) as unknown as number[],
  }));

/** `[[0,1],[1,1]]`. */
const rowsOf = (mask: BinaryMask): LateJson => ({
  bytes: () => 2 + mask.height * (rowLength(mask) + 2) + mask.height - 1,
  chunks: () => framed("[", linesOf(mask, "[", "]"), "]"),
});

/** `[0,1,1,1,0,0,1,1]`: the pixels, then the box. */
const flat = ({ mask, box }: Bits): LateJson => {
  const end = `,${box.join(",")}]`;
  return {
    bytes: () => 1 + mask.height * rowLength(mask) + mask.height - 1 + end.length,
    chunks: () => framed("[", linesOf(mask, "", ""), end),
  };
};

/** Characters of a row's digits and the commas between. */
const rowLength = ({ width }: BinaryMask): number => 2 * width - 1;

function* framed(start: string, chunks: Iterable<Uint8Array>, end: string): Generator<Uint8Array> {
  yield Buffer.from(start);
  yield* chunks;
  yield Buffer.from(end);
}

/** Bytes that are written without others having their turn. */
const slice = 128 * 1024;

/** Rows of digits with commas between, each row in its brackets. */
function* linesOf(mask: BinaryMask, start: string, end: string): Generator<Uint8Array> {
  const { width, height, data } = mask;
  const line = start.length + rowLength(mask) + end.length + 1;
  const most = Math.max(1, Math.floor(slice / line));
  for (let y0 = 0; y0 < height; y0 += most) {
    const rows = Math.min(most, height - y0);
    const text = Buffer.alloc(rows * line, ",");
    for (let row = 0; row < rows; row++) {
      let at = row * line;
      at += text.write(start, at);
      for (let x = 0, from = (y0 + row) * width; x < width; x++, at += 2)
        text[at] = 48 + (data[from + x] ?? 0);
      text.write(end, at - 1);
    }
    yield y0 + rows === height ? text.subarray(0, -1) : text;
  }
}
