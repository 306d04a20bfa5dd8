import sharp from "sharp";
import type { BinaryMask, Box } from "../types.ts";
import { emptyCanvas, paste, type Rgb, write, writtenWidth } from "./canvas.ts";
import { PanelPainter, viewOf } from "./panel.ts";

/** One object of an image, and what was made of it. Masks are of the image's size. */
export interface Comparison {
  /** JPEG, PNG, WebP or TIFF. */
  readonly image: Uint8Array;
  /** The prompt. */
  readonly box: Box;
  readonly before: BinaryMask;
  readonly after: BinaryMask;
  readonly truth: BinaryMask;
  readonly beforeIou: number;
  readonly afterIou: number;
}

/** Colours of base, tuned version and truth. */
export const colours = { before: [224, 49, 49], after: [47, 158, 68], truth: [25, 113, 194] } as const;
const ink: Rgb = [33, 37, 41];
/** Three times as many pixels as a telephone is wide (390): its capitals are then 10 high there. */
const cell = { width: 378, height: 378 };
const gap = 9;
const letters = 30;
const line = 58;

/**
 * Before, after and truth of one object side by side, as WebP, 1170 pixels wide: the part of the image round the prompt
 * (the orange box), each mask translucent with its contour. The same input gives the same bytes.
 * Throws sharp's Error for an image that it can't read.
 */
export async function drawComparison(shown: Comparison): Promise<Buffer> {
  const { width, height } = shown.truth;
  const painter = await PanelPainter.open(shown.image, viewOf(shown.box, { width, height }, cell), cell);
  const columns = [
    { title: "Before", text: iouText(shown.beforeIou), mask: shown.before, colour: colours.before },
    { title: "After", text: iouText(shown.afterIou), mask: shown.after, colour: colours.after },
    { title: "Truth", text: "", mask: shown.truth, colour: colours.truth },
  ];
  const canvas = emptyCanvas(3 * cell.width + 4 * gap, line + cell.height + gap);
  for (const [i, { title, text, ...overlay }] of columns.entries()) {
    const x = gap + i * (cell.width + gap);
    paste(canvas, await painter.draw(overlay, shown.box), x, line);
    write(canvas, title, { x: x + 3, y: 14, height: letters, colour: overlay.colour, bold: true });
    const right = Math.floor(x + cell.width - writtenWidth(text, letters)) - 6;
    if (text !== "") write(canvas, text, { x: right, y: 14, height: letters, colour: ink });
  }
  return sharp(canvas.data, { raw: { width: canvas.width, height: canvas.height, channels: 3 } })
    .webp({ quality: 82, effort: 4 })
    .toBuffer();
}

const iouText = (iou: number): string => `IoU ${iou.toFixed(2)}`;
