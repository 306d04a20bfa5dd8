/** Where the image lies on the stage: stage = image * scale + (x, y), in CSS pixels. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

const margin = 16;

/** The whole image, in the middle. */
export function fit(image: Extent, stage: Extent): View {
  const room = (side: number): number => Math.max(40, side - 2 * margin);
  const scale = Math.min(room(stage.width) / image.width, room(stage.height) / image.height, 4);
  return {
    scale,
    x: (stage.width - image.width * scale) / 2,
    y: (stage.height - image.height * scale) / 2,
  };
}

/** Zooms by `factor`; the image's point under (x, y) of the stage stays there. */
export function zoom(view: View, factor: number, x: number, y: number): View {
  const scale = Math.min(40, Math.max(0.01, view.scale * factor));
  const by = scale / view.scale;
  return { scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by };
}

export const pan = (view: View, dx: number, dy: number): View => ({
  scale: view.scale,
  x: view.x + dx,
  y: view.y + dy,
});

/** A point of the stage in pixels of the image, kept inside it. */
export function toImage(view: View, image: Extent, x: number, y: number): [number, number] {
  const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, value));
  return [clamp((x - view.x) / view.scale, image.width), clamp((y - view.y) / view.scale, image.height)];
}

export const isInside = (view: View, image: Extent, x: number, y: number): boolean =>
  x >= view.x &&
  y >= view.y &&
  x <= view.x + image.width * view.scale &&
  y <= view.y + image.height * view.scale;
