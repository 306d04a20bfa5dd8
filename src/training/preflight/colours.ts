import { sourceOf } from "../data/snapshot.ts";
import { upright } from "../../imaging/upright.ts";
import { eachColumnRun } from "../../imaging/mask-facts.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { type Mark, rleOf } from "./marks.ts";
import type { Colour } from "./outliers.ts";
import type { Found } from "./report.ts";

/** Images whose colours are read; the snapshot's order is that of hashes, so these are a fair sample. */
const mostImages = 400;
/** Longest side of the picture that colours are read from. */
const side = 256;

/** The mean colour below each mask, by annotation; images that can't be read become findings. */
export async function readColours(
  store: ObjectStore,
  marks: readonly Mark[],
  options: { signal: AbortSignal; onImage?: (done: number) => Promise<void> },
): Promise<{ colours: Map<string, Colour>; unreadable: Found[] }> {
  const colours = new Map<string, Colour>();
  const unreadable: Found[] = [];
  let done = 0;
  for (const some of [...Map.groupBy(marks, ({ image }) => image.id).values()].slice(0, mostImages)) {
    options.signal.throwIfAborted();
    const [{ image }] = some as [Mark, ...Mark[]];
    const small = await smallPicture(await sourceOf(store, image).bytes());
    if (small) for (const mark of some) colours.set(mark.annotation.id, meanBelow(mark, small));
    else {
      unreadable.push({
        code: "image_unreadable",
        severity: "error",
        message: "The image can't be decoded any more: delete it and upload it again.",
        image_ids: [image.id],
        annotation_ids: [],
      });
    }
    await options.onImage?.(++done);
  }
  return { colours, unreadable };
}

interface Small {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** Null for bytes that are no image. */
async function smallPicture(bytes: Uint8Array): Promise<Small | null> {
  try {
    const picture = await upright(bytes);
    const { data, info } = await picture
      .resize(side, side, { fit: "inside", withoutEnlargement: true })
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: info.channels, data };
  } catch {
    return null;
  }
}

function meanBelow(mark: Mark, { width, height, channels, data }: Small): Colour {
  const [across, down] = [width / mark.image.width, height / mark.image.height];
  const sums = [0, 0, 0];
  let weight = 0;
  eachColumnRun(rleOf(mark), (x, y0, y1) => {
    const column = Math.min(width - 1, Math.floor((x + 0.5) * across));
    const last = Math.min(height - 1, Math.floor((y1 - 0.5) * down));
    for (let row = Math.floor((y0 + 0.5) * down); row <= last; row++) {
      // How much of the run lies in this row of the small picture.
      const part = Math.max(1e-6, Math.min(y1, (row + 1) / down) - Math.max(y0, row / down));
      const at = (row * width + column) * channels;
      for (let c = 0; c < 3; c++)
        sums[c] = (sums[c] as number) + part * (data[at + (channels < 3 ? 0 : c)] as number);
      weight += part;
    }
  });
  return sums.map((sum) => sum / Math.max(weight, 1e-6)) as unknown as Colour;
}
