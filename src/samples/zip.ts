import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";
import { boxOf } from "../imaging/geometry.ts";
import { encodeRle } from "../imaging/rle.ts";
import type { DemoPage } from "./pages.ts";
import { stampKinds } from "./stamp.ts";

/** Pages as a COCO data set: `images/<stem>.jpg`, and `annotations.json` with a mask and the kind of each stamp. */
export async function packPages(pages: readonly DemoPage[]): Promise<Buffer> {
  const zip = new ZipFile();
  const options = { mtime: new Date(0) };
  // A JPEG doesn't get smaller.
  for (const { stem, jpeg } of pages)
    zip.addBuffer(jpeg, `images/${stem}.jpg`, { ...options, compress: false });
  zip.addBuffer(Buffer.from(JSON.stringify(cocoOf(pages))), "annotations.json", options);
  zip.end();
  return buffer(zip.outputStream);
}

function cocoOf(pages: readonly DemoPage[]) {
  const stamps = pages.flatMap((page, i) => page.stamps.map((stamp) => ({ ...stamp, image: i + 1 })));
  return {
    images: pages.map(({ stem, width, height }, i) => ({
      id: i + 1,
      file_name: `${stem}.jpg`,
      width,
      height,
    })),
    categories: stampKinds.map((name, i) => ({ id: i + 1, name })),
    annotations: stamps.map(({ image, kind, mask }, i) => {
      const { size, counts } = encodeRle(mask);
      const [x0, y0, x1, y1] = boxOf(mask);
      return {
        id: i + 1,
        image_id: image,
        category_id: stampKinds.indexOf(kind) + 1,
        segmentation: { size, counts },
        bbox: [x0, y0, x1 - x0, y1 - y0],
        iscrowd: 0,
      };
    }),
  };
}
