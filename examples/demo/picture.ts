import sharp from "sharp";
import { type Canvas, emptyCanvas, paste, type Rgb, write } from "../../src/imaging/picture/canvas.ts";
import { colours, type Comparison } from "../../src/imaging/picture/comparison.ts";
import { PanelPainter, viewOf } from "../../src/imaging/picture/panel.ts";

/** One held-out stamp: its page, the box that was the prompt, and three masks of the page's size. */
export interface PictureRow extends Comparison {
  readonly title: string;
}

const cell = { width: 320, height: 252 };
const gap = 14;
const caption = 34;
const top = 50;
const ink: Rgb = [33, 37, 41];

/**
 * The before/after picture, as PNG: a row for each stamp with page and prompt, the base's mask, the tuned version's, and
 * the truth; the part of the page round the stamp, masks in colour over the paled page. The same rows give the same bytes.
 */
export async function drawPicture(rows: readonly PictureRow[]): Promise<Buffer> {
  const width = gap + 4 * (cell.width + gap);
  const height = top + rows.length * (cell.height + caption + gap);
  const canvas = emptyCanvas(width, height);
  const titles = ["Page and box prompt", "Base model", "After one fine-tune", "Ground truth"];
  for (const [i, title] of titles.entries())
    write(canvas, title, { x: gap + i * (cell.width + gap), y: 16, height: 19, colour: ink });
  for (const [r, row] of rows.entries()) {
    const y = top + r * (cell.height + caption + gap);
    const texts = [
      row.title,
      `IoU ${row.beforeIou.toFixed(2)}`,
      `IoU ${row.afterIou.toFixed(2)}`,
      "ink of the stamp",
    ];
    for (const [i, panel] of (await panelsOf(row)).entries()) {
      const x = gap + i * (cell.width + gap);
      paste(canvas, panel, x, y);
      write(canvas, texts[i] as string, { x, y: y + cell.height + 9, height: 15, colour: ink });
    }
  }
  return sharp(canvas.data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9, palette: true })
    .toBuffer();
}

async function panelsOf(row: PictureRow): Promise<Canvas[]> {
  const painter = await PanelPainter.open(row.image, viewOf(row.box, row.truth, cell), cell);
  return [
    await painter.draw(null, row.box),
    await painter.draw({ mask: row.before, colour: colours.before }),
    await painter.draw({ mask: row.after, colour: colours.after }),
    await painter.draw({ mask: row.truth, colour: colours.truth }),
  ];
}
