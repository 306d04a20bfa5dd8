import { textStrokes, textWidth } from "./font.ts";
import { drawLine, emptyLayer } from "./raster.ts";

export type Rgb = readonly [number, number, number];

/** Row-major, 3 bytes a pixel (R, G, B), drawn on in place. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export const emptyCanvas = (width: number, height: number, colour: Rgb = [255, 255, 255]): Canvas => {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i += 3) data.set(colour, i);
  return { width, height, data };
};

/** Lays a colour over the canvas; `cover` has the canvas's size and says how much of each pixel, in [0, 1]. */
export function blend(canvas: Canvas, cover: Float32Array, colour: Rgb): void {
  for (let i = 0; i < cover.length; i++) {
    const amount = cover[i] as number;
    if (amount === 0) continue;
    for (let c = 0; c < 3; c++)
      canvas.data[3 * i + c] = Math.round(
        (canvas.data[3 * i + c] as number) * (1 - amount) + (colour[c] as number) * amount,
      );
  }
}

/** Copies a smaller canvas onto another, its top left at (x, y); all of it has to fit. */
export function paste(canvas: Canvas, panel: Canvas, x: number, y: number): void {
  for (let row = 0; row < panel.height; row++)
    canvas.data.set(
      panel.data.subarray(3 * row * panel.width, 3 * (row + 1) * panel.width),
      3 * ((y + row) * canvas.width + x),
    );
}

/** Pixels from the left edge of a text to its right edge, capitals `height` high. */
export const writtenWidth = (text: string, height: number): number => textWidth(text) * ((height * 0.8) / 6);

/** A text, its capitals `height` high, the top left of the first at (x, y); 4 pixels have to be free round it. */
export function write(
  canvas: Canvas,
  text: string,
  at: { x: number; y: number; height: number; colour: Rgb; bold?: boolean },
): void {
  const unit = (at.height * 0.8) / 6;
  const layer = emptyLayer(Math.ceil(textWidth(text) * unit) + 6, at.height * 2);
  for (const line of textStrokes(text))
    drawLine(
      layer,
      line.map((v, i) => (i % 2 === 0 ? 3 : 4) + v * unit),
      at.height * (at.bold ? 0.09 : 0.065),
    );
  for (let row = 0; row < layer.height; row++) {
    const part = canvas.data.subarray(3 * ((at.y + row - 4) * canvas.width + at.x - 3));
    blend(
      { width: layer.width, height: 1, data: part },
      layer.data.subarray(row * layer.width, (row + 1) * layer.width),
      at.colour,
    );
  }
}
