import type { Part } from "../../src/domain/data-import.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { Box } from "../../src/imaging/types.ts";
import { buildSnapshot, type Snapshot } from "../../src/training/data/snapshot.ts";
import { rectangleMask } from "../worlds/images.ts";
import type { AnnotatedRow } from "../../src/db/queries/annotated-images.ts";

/** A mask of one filled rectangle. */
export const rectangle = rectangleMask;

/** A row as the database gives it: image `name`, 64 x 48, one rectangle on it. */
export function row(
  name: string,
  options: { group?: string; part?: Part; box?: Box; annotation?: string } = {},
): AnnotatedRow {
  const box = options.box ?? [8, 6, 40, 30];
  return {
    image: {
      id: `img_${name}`,
      sha256: sha256(name),
      bytes: 100,
      width: 64,
      height: 48,
      objectKey: `projects/prj_a/images/${sha256(name)}`,
      splitGroup: options.group ?? null,
      part: options.part ?? null,
      complete: null,
    },
    annotation: {
      id: options.annotation ?? `ann_${name}`,
      counts: encodeRle(rectangle(64, 48, box)).counts,
      box: [...box],
      label: null,
    },
  };
}

export const snapshotOf = (rows: readonly AnnotatedRow[]): Snapshot =>
  buildSnapshot({ id: "prj_a", baseModel: "mobile_sam" }, rows);

/** `count` images without groups. */
export const manyRows = (count: number): AnnotatedRow[] =>
  Array.from({ length: count }, (_, i) => row(`${i}`));
