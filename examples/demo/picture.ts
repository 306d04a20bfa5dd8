import sharp from "sharp";
import type { BinaryMask, Box } from "../../src/imaging/types.ts";
import { textStrokes, textWidth } from "./font.ts";
import { drawLine, emptyLayer } from "./raster.ts";
import type { Rgb } from "./stamp.ts";

/** One held-out stamp: its page, the box that was the prompt, and three masks of the page's size. */
export interface PictureRow {
  readonly title: string;
  /** JPEG or PNG. */
  readonly page: Uint8Array;
  readonly box: Box;
  readonly base: BinaryMask;
  readonly tuned: BinaryMask;
  readonly truth: BinaryMask;
  readonly baseIou: number;
  readonly tunedIou: number;
}

const cell = { width: 320, height: 252 };
const gap = 14;
const caption = 34;
const top = 50;
const ink: Rgb = [33, 37, 41];
const colours = { base: [224, 49, 49], tuned: [47, 158, 68], truth: [25, 113, 194] } as const;

/**
 * The before/after picture, as PNG: a row for each stamp with page and prompt, the base's mask, the tuned version's, and
 * the truth; the part of the page round the stamp, masks in colour over the paled page. The same rows give the same bytes.
 */
export async function drawPicture(rows: readonly PictureRow[]): Promise<Buffer> {
  const width = gap + 4 * (cell.width + gap);
  const height = top + rows.length * (cell.height + caption + gap);
  const canvas = { width, height, data: new Uint8Array(width * height * 3).fill(255) };
  for (const [i, title] of [
    "Page and box prompt",
    "Base model",
    "After one fine-tune",
    "Ground truth",
  ].entries())
    write(canvas, title, gap + i * (cell.width + gap), 16, 19);
  for (const [r, row] of rows.entries()) {
    const y = top + r * (cell.height + caption + gap);
    const panels = await panelsOf(row);
    const texts = [
      row.title,
      `IoU ${row.baseIou.toFixed(2)}`,
      `IoU ${row.tunedIou.toFixed(2)}`,
      "ink of the stamp",
    ];
    for (const [i, panel] of panels.entries()) {
      const x = gap + i * (cell.width + gap);
      paste(canvas, panel, x, y);
      write(canvas, texts[i] as string, x, y + cell.height + 9, 15);
    }
  }
  return sharp(canvas.data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9, palette: true })
    .toBuffer();
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

async function panelsOf(row: PictureRow): Promise<Uint8Array[]> {
  const { data, info } = await sharp(row.page)
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const page: Canvas = { width: info.width, height: info.height, data };
  const view = viewOf(row.box, page);
  const prompted: Canvas = { ...page, data: Uint8Array.from(data) };
  frame(prompted, row.box, Math.max(1.2, view.width / cell.width));
  const painted = [
    prompted,
    paint(page, row.base, colours.base),
    paint(page, row.tuned, colours.tuned),
    paint(page, row.truth, colours.truth),
  ];
  return Promise.all(
    painted.map((image) =>
      sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
        .extract(view)
        .resize(cell.width, cell.height, { fit: "fill" })
        .raw()
        .toBuffer(),
    ),
  );
}

/** The part of the page shown: the box with a margin, in the cell's proportions, inside the page. */
function viewOf([x0, y0, x1, y1]: Box, page: Canvas) {
  const aspect = cell.width / cell.height;
  const wanted = 1.3 * Math.max(x1 - x0, (y1 - y0) * aspect);
  const width = Math.floor(Math.min(wanted, page.width, page.height * aspect));
  const height = Math.min(page.height, Math.round(width / aspect));
  const inside = (middle: number, side: number, whole: number): number =>
    Math.round(Math.max(0, Math.min(whole - side, middle - side / 2)));
  const left = inside((x0 + x1) / 2, width, page.width);
  return { left, top: inside((y0 + y1) / 2, height, page.height), width, height };
}

/** The page paled to grey, the mask over it in colour. */
function paint(page: Canvas, mask: BinaryMask, colour: Rgb): Canvas {
  const data = new Uint8Array(page.data.length);
  for (let i = 0; i < mask.data.length; i++) {
    const [r, g, b] = page.data.subarray(3 * i, 3 * i + 3) as unknown as Rgb;
    const pale = 130 + 0.49 * (0.3 * r + 0.59 * g + 0.11 * b);
    for (let c = 0; c < 3; c++)
      data[3 * i + c] = mask.data[i] === 1 ? 0.82 * (colour[c] as number) + 0.18 * pale : pale;
  }
  return { ...page, data };
}

function frame(canvas: Canvas, [x0, y0, x1, y1]: Box, radius: number): void {
  const layer = emptyLayer(canvas.width, canvas.height);
  drawLine(layer, [x0, y0, x1, y0, x1, y1, x0, y1, x0, y0], radius);
  blend(canvas, layer.data, [240, 140, 0]);
}

/** A text, its capitals `height` high, the top left of the first at (x, y). */
function write(canvas: Canvas, text: string, x: number, y: number, height: number): void {
  const unit = (height * 0.8) / 6;
  const layer = emptyLayer(Math.ceil(textWidth(text) * unit) + 6, height * 2);
  for (const line of textStrokes(text))
    drawLine(
      layer,
      line.map((v, i) => (i % 2 === 0 ? 3 : 4) + v * unit),
      height * 0.065,
    );
  for (let row = 0; row < layer.height; row++) {
    const part = canvas.data.subarray(3 * ((y + row - 4) * canvas.width + x - 3));
    blend(
      { width: layer.width, height: 1, data: part },
      layer.data.subarray(row * layer.width, (row + 1) * layer.width),
      ink,
    );
  }
}

function blend(canvas: Canvas, cover: Float32Array, colour: Rgb): void {
  for (let i = 0; i < cover.length; i++) {
    const amount = cover[i] as number;
    if (amount === 0) continue;
    for (let c = 0; c < 3; c++)
      canvas.data[3 * i + c] = Math.round(
        (canvas.data[3 * i + c] as number) * (1 - amount) + (colour[c] as number) * amount,
      );
  }
}

function paste(canvas: Canvas, panel: Uint8Array, x: number, y: number): void {
  for (let row = 0; row < cell.height; row++)
    canvas.data.set(
      panel.subarray(3 * row * cell.width, 3 * (row + 1) * cell.width),
      3 * ((y + row) * canvas.width + x),
    );
}
