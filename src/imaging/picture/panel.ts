import sharp from "sharp";
import { upright } from "../upright.ts";
import type { BinaryMask, Box } from "../types.ts";
import { blend, type Canvas, emptyCanvas, paste, type Rgb } from "./canvas.ts";
import { drawLine, emptyLayer } from "./raster.ts";

/** The part of an image that a panel shows, in whole pixels of the image. */
export interface View {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Side {
  readonly width: number;
  readonly height: number;
}

/** A mask laid over a panel. */
export interface Overlay {
  readonly mask: BinaryMask;
  readonly colour: Rgb;
}

export const prompt: Rgb = [240, 140, 0];
const background: Rgb = [233, 236, 239];
/** How much of the colour a mask's inside has; its contour has all of it. */
const fill = 0.5;

/**
 * The box with a margin, widened to the panel's proportions as far as the image reaches. Where it ends, the panel keeps
 * a strip of background: nothing of the box is ever cut off.
 */
export function viewOf([x0, y0, x1, y1]: Box, image: Side, panel: Side): View {
  const aspect = panel.width / panel.height;
  const wide = 1.3 * Math.max(x1 - x0, (y1 - y0) * aspect, 16);
  const inside = (low: number, high: number, wanted: number, whole: number): [number, number] => {
    const side = Math.max(1, Math.round(Math.min(wanted, whole)));
    return [Math.round(Math.max(0, Math.min(whole - side, (low + high - side) / 2))), side];
  };
  const [left, width] = inside(x0, x1, wide, image.width);
  const [top, height] = inside(y0, y1, wide / aspect, image.height);
  return { left, top, width, height };
}

/** Draws the panels of one image: its pixels are read once. */
export class PanelPainter {
  readonly #pixels: Uint8Array;
  readonly #view: View;
  readonly #panel: Side;
  readonly #shown: Side;

  private constructor(pixels: Uint8Array, view: View, panel: Side, shown: Side) {
    this.#pixels = pixels;
    this.#view = view;
    this.#panel = panel;
    this.#shown = shown;
  }

  /**
   * @param bytes JPEG, PNG, WebP or TIFF, of the size (after EXIF orientation) that `view` was made for
   * Throws sharp's Error for bytes that it can't read.
   */
  static async open(bytes: Uint8Array, view: View, panel: Side): Promise<PanelPainter> {
    const scale = Math.min(panel.width / view.width, panel.height / view.height);
    const shown = {
      width: Math.max(1, Math.round(view.width * scale)),
      height: Math.max(1, Math.round(view.height * scale)),
    };
    // The size of what was uploaded was checked when it came.
    const picture = await upright(bytes);
    const { data, info } = await picture
      .extract(view)
      .resize(shown.width, shown.height, { fit: "fill", kernel: "cubic" })
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return new PanelPainter(toRgb(data, info.channels), view, panel, shown);
  }

  /** The image as it is, or paled with a mask over it: translucent inside, its contour in full colour. */
  async draw(overlay: Overlay | null, box?: Box): Promise<Canvas> {
    const { width, height } = this.#shown;
    const part: Canvas = { width, height, data: Uint8Array.from(this.#pixels) };
    if (overlay) {
      for (let i = 0; i < part.data.length; i++) part.data[i] = 105 + 0.58 * (part.data[i] as number);
      blend(part, await this.#coverOf(overlay.mask), overlay.colour);
    }
    if (box) this.#frame(part, box);
    const whole = emptyCanvas(this.#panel.width, this.#panel.height, background);
    paste(whole, part, (whole.width - width) >> 1, (whole.height - height) >> 1);
    return whole;
  }

  /** How much colour each pixel of the panel gets. */
  async #coverOf(mask: BinaryMask): Promise<Float32Array> {
    const { width, height } = this.#shown;
    const grey = await sharp(
      Uint8Array.from(mask.data, (v) => 255 * v),
      {
        raw: { width: mask.width, height: mask.height, channels: 1 },
      },
    )
      .extract(this.#view)
      .resize(width, height, { fit: "fill", kernel: "linear" })
      .toColourspace("b-w")
      .raw()
      .toBuffer();
    const cover = Float32Array.from(grey, (v) => (fill * v) / 255);
    const radius = Math.max(1, Math.round(Math.min(this.#panel.width, this.#panel.height) / 150));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        if ((grey[at] as number) >= 128 && nearOutside(grey, { width, height }, [x, y], radius))
          cover[at] = 1;
      }
    }
    return cover;
  }

  #frame(part: Canvas, box: Box): void {
    const scale = part.width / this.#view.width;
    const [x0, y0, x1, y1] = box.map(
      (v, i) => (v - (i % 2 === 0 ? this.#view.left : this.#view.top)) * scale,
    ) as [number, number, number, number];
    const layer = emptyLayer(part.width, part.height);
    drawLine(layer, [x0, y0, x1, y0, x1, y1, x0, y1, x0, y0], Math.max(1, this.#panel.width / 270));
    blend(part, layer.data, prompt);
  }
}

/** Whether a pixel outside the mask is within so many pixels; what lies beyond the panel is not outside. */
function nearOutside(
  grey: Uint8Array,
  { width, height }: Side,
  [x, y]: readonly [number, number],
  radius: number,
) {
  for (let dy = -radius; dy <= radius; dy++) {
    if (y + dy < 0 || y + dy >= height) continue;
    for (let dx = -radius; dx <= radius; dx++) {
      if (x + dx < 0 || x + dx >= width || dx * dx + dy * dy > radius * radius) continue;
      if ((grey[(y + dy) * width + x + dx] as number) < 128) return true;
    }
  }
  return false;
}

function toRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const rgb = new Uint8Array((data.length / channels) * 3);
  for (let i = 0; i < rgb.length; i++)
    rgb[i] = data[Math.floor(i / 3) * channels + (channels < 3 ? 0 : i % 3)] as number;
  return rgb;
}
