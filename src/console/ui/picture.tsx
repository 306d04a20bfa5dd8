import { useEffect, useRef } from "preact/hooks";
import { drawLayer, layerOf } from "../canvas/layer.ts";
import type { BinaryMask } from "../../imaging/types.ts";

export type Region = readonly [x0: number, y0: number, x1: number, y1: number];

export interface Marked {
  readonly mask: BinaryMask;
  readonly colour: string;
  /** Only the edge. */
  readonly line?: boolean;
}

const longest = 1100;

/** A region of an image with masks on it, at a size for the screen. */
export function Picture({
  picture,
  region,
  marks,
  label,
}: {
  picture: HTMLImageElement;
  region: Region;
  marks: readonly Marked[];
  label: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [x0, y0, x1, y1] = region;
  const scale = Math.min(3, longest / Math.max(x1 - x0, y1 - y0));
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !canvas.current) return;
    canvas.current.width = Math.round((x1 - x0) * scale);
    canvas.current.height = Math.round((y1 - y0) * scale);
    context.setTransform(scale, 0, 0, scale, -x0 * scale, -y0 * scale);
    const { width, height } = marks[0]?.mask ?? {
      width: picture.naturalWidth,
      height: picture.naturalHeight,
    };
    context.drawImage(picture, 0, 0, width, height);
    for (const { mask, colour, line } of marks) {
      const layer = layerOf(mask, colour);
      if (layer) drawLayer(context, layer, { colour, alpha: line ? 0 : 0.5, scale, line: line ? 2 : 1.75 });
    }
  }, [picture, marks, region.join()]);
  return <canvas ref={canvas} class="picture" role="img" aria-label={label} />;
}

/** As wide as this, where the image allows it: the pictures lie one above the other on a wide page. */
const aspect = 2.2;

/** A box with room round it, widened to a band of the image; never beyond its edges. */
export function regionRound(
  box: readonly number[],
  { width, height }: { width: number; height: number },
): Region {
  const [x0, y0, x1, y1] = box as [number, number, number, number];
  const room = 0.3 * Math.max(x1 - x0, y1 - y0);
  const tall = Math.min(height, y1 - y0 + 2 * room);
  const wide = Math.min(width, Math.max(x1 - x0 + 2 * room, tall * aspect));
  const left = Math.min(width - wide, Math.max(0, (x0 + x1 - wide) / 2));
  const top = Math.min(height - tall, Math.max(0, (y0 + y1 - tall) / 2));
  return [left, top, left + wide, top + tall];
}
