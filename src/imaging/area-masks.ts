import type { AreaLogits } from "./area-logits.ts";
import { logitsFrom } from "./logits-source.ts";
import { maskToPng } from "./mask-png.ts";
import { maskToPolygons } from "./polygons.ts";
import { packRuns } from "./rle.ts";
import { Columns } from "./rle-columns.ts";
import type { Box, MaskFormat, Size, WireMask } from "./types.ts";

/** A mask as it is answered, with its tight box and its foreground pixels. */
export interface WrittenArea {
  readonly mask: WireMask;
  readonly bbox: Box;
  readonly area: number;
}

const empty: AreaLogits = { area: [0, 0, 0, 0], data: new Float32Array(0) };

/**
 * Foreground (logit > 0) of an area as a mask of its image of `size` [height, width]; null is an empty one. Only a PNG, which has
 * all of the image's pixels, takes memory of its size; logits are left to be written (logits-source.ts).
 */
export async function writeArea(
  logits: AreaLogits | null,
  size: Size,
  { format, polygonTolerance }: { format: MaskFormat; polygonTolerance: number },
): Promise<WrittenArea> {
  const some = logits ?? empty;
  const { runs, bbox, area } = runsOfArea(some, size);
  if (format === "rle") return { mask: packRuns(runs, size), bbox, area };
  if (format === "logits") return { mask: logitsFrom({ ...some, lowRes: null }, size), bbox, area };
  const [left, top] = some.area;
  const own = binary(some);
  if (format === "polygon") {
    const rings = maskToPolygons(own, polygonTolerance);
    const polygons = rings.map((ring) => ring.map((value, i) => value + (i % 2 === 0 ? left : top)));
    return { mask: { format, polygons }, bbox, area };
  }
  const data = new Uint8Array(size[0] * size[1]);
  for (let y = 0; y < own.height; y++)
    data.set(own.data.subarray(y * own.width, (y + 1) * own.width), (y + top) * size[1] + left);
  const png = await maskToPng({ width: size[1], height: size[0], data });
  return { mask: { format, data: png.toString("base64") }, bbox, area };
}

function binary({ area, data }: AreaLogits) {
  const [left, top, right, bottom] = area;
  return {
    width: right - left,
    height: bottom - top,
    data: Uint8Array.from(data, (logit) => (logit > 0 ? 1 : 0)),
  };
}

/** Column-major run lengths of the whole image, box and area of what is above 0. */
function runsOfArea({ area, data }: AreaLogits, size: Size): { runs: number[]; bbox: Box; area: number } {
  const [left, top, right, bottom] = area;
  const [width, height] = [right - left, bottom - top];
  const columns = new Columns([left, top], size, height);
  for (let x = 0; x < width; x++) {
    let [start, value] = [0, false];
    for (let y = 0, at = x; y < height; y++, at += width) {
      if ((data[at] as number) > 0 === value) continue;
      columns.add(x, start, y, value);
      [start, value] = [y, !value];
    }
    columns.add(x, start, height, value);
  }
  return columns.end(width);
}
