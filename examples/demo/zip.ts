import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";
import { maskToPng } from "../../src/imaging/mask-png.ts";
import type { DemoPage } from "./pages.ts";

/** Pages as a data set: `images/<stem>.jpg`, and `masks/<stem>__<k>.png` for each stamp. */
export async function packPages(pages: readonly DemoPage[]): Promise<Buffer> {
  const zip = new ZipFile();
  const options = { mtime: new Date(0), compress: false };
  for (const { stem, jpeg, masks } of pages) {
    zip.addBuffer(jpeg, `images/${stem}.jpg`, options);
    for (const [k, mask] of masks.entries())
      zip.addBuffer(await maskToPng(mask), `masks/${stem}__${k + 1}.png`, options);
  }
  zip.end();
  return buffer(zip.outputStream);
}
