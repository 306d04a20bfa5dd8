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

/** A box with room round it, inside the image; the whole image where the box fills most of it. */
export function regionRound(
  box: readonly number[],
  { width, height }: { width: number; height: number },
): Region {
  const [x0, y0, x1, y1] = box as [number, number, number, number];
  const room = 0.35 * Math.max(x1 - x0, y1 - y0);
  const region = [
    Math.max(0, x0 - room),
    Math.max(0, y0 - room),
    Math.min(width, x1 + room),
    Math.min(height, y1 + room),
  ] as const;
  const share = ((region[2] - region[0]) * (region[3] - region[1])) / (width * height);
  return share > 0.6 ? [0, 0, width, height] : region;
}
