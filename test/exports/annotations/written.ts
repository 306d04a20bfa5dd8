import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import type { ExportedAnnotation, ExportedImage } from "../../../src/db/queries/export-rows.ts";
import { answerRows, nextQuestion } from "../../../src/exports/annotations/rows.ts";
import {
  type AnnotationExport,
  type ExportedPart,
  shapesOf,
} from "../../../src/exports/annotations/types.ts";
import { write } from "../../../src/exports/annotations/worker.ts";
import { stemOf } from "../../../src/exports/annotations/names.ts";
import { areaOf, boxOf } from "../../../src/imaging/geometry.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { BinaryMask } from "../../../src/imaging/types.ts";
import { unwrap } from "../../../src/lib/outcome.ts";
import { sha256 } from "../../../src/lib/hash.ts";

/** An image's row, of a size. */
export function imageRow(
  fileName: string,
  [width, height]: readonly [number, number],
  more: Partial<ExportedImage> = {},
): ExportedImage {
  const id = `img_${sha256(fileName).slice(0, 8)}`;
  return {
    id,
    createdAt: new Date(0),
    sha256: sha256(fileName),
    width,
    height,
    format: "png",
    fileName,
    splitGroup: null,
    part: null,
    knownEmpty: false,
    ...more,
  };
}

let count = 0;

export function annotationRow(mask: BinaryMask, label: string | null, box = boxOf(mask)): ExportedAnnotation {
  const [id, imageId] = [`ann_${count++}`, ""];
  const { counts } = encodeRle(mask);
  return { id, createdAt: new Date(0), imageId, counts, area: areaOf(mask), box: [...box], label };
}

/** What the writer makes of rows, which come one annotation at a time. */
export async function written(
  rows: readonly { image: ExportedImage; annotations: readonly ExportedAnnotation[] }[],
  format: AnnotationExport["format"],
  { shapes = shapesOf[format][0], tolerance = 0 }: Partial<AnnotationExport> = {},
): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-written-"));
  const stems = rows.map(({ image }) => stemOf(image.fileName ?? "").toLowerCase());
  const labels = new Set(rows.flatMap(({ annotations }) => annotations.map(({ label }) => label)));
  const { port1, port2: port } = new MessageChannel();
  try {
    const path = join(folder, "file");
    const writing = write({ options: { format, shapes, tolerance }, path, port });
    const first = await nextQuestion(port1);
    await answerRows(port1, first as NonNullable<typeof first>, {
      head: async () => ({
        projectId: "prj_1",
        labels: [...labels].sort((a, b) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1)),
        shared: new Set(stems.filter((stem, i) => stems.indexOf(stem) !== i)),
      }),
      walk: async function* (what) {
        for (const { image, annotations } of rows) {
          const parts: ExportedPart[] = annotations.map((one) => ({ image, annotations: [one] }));
          yield what === "images" || parts.length === 0 ? [{ image, annotations: [] }] : parts;
        }
      },
    });
    unwrap(await writing);
    return await readFile(path);
  } finally {
    port1.close();
    await rm(folder, { recursive: true });
  }
}
