import { addAnnotation, type Annotation } from "../db/queries/annotations.ts";
import { getImage, holdImage, setSplitGroup } from "../db/queries/images.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { clipBox } from "../imaging/geometry.ts";
import type { Box, WireMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { ActionContext } from "./context.ts";
import { knownAs } from "./known.ts";

export interface AskedAnnotation {
  readonly imageId: string;
  readonly mask: WireMask;
  /** Left out, the mask's own tight box; cut at the image's edge. */
  readonly box?: Box | undefined;
  readonly label?: string | undefined;
  /** Sets the image's split group. */
  readonly group?: string | undefined;
}

/**
 * Stores a mask as an annotation of a stored image.
 * Throws AppError image_not_found, box_outside_image, box_zero_area, box_misses_mask, and what MaskReader.keep throws.
 */
export async function annotate(
  { db, known, masks }: ActionContext,
  scope: ProjectScope,
  { imageId, mask, box: asked, label, group }: AskedAnnotation,
): Promise<Annotation> {
  const name = knownAs(scope, imageId);
  const image = known.images.get(name) ?? (await getImage(db, scope, imageId));
  known.images.set(name, image);
  const { width, height } = image;
  const given = asked && clipBox(asked, [height, width]);
  const read = { wire: mask, size: [height, width], box: given } as const;
  const { box: tight, inBox, ...kept } = await masks.keep(read, scope.workspaceId);
  if (given && !inBox) throw boxMisses(given);
  const row = {
    ...scope,
    ...kept,
    id: newId("ann"),
    imageId,
    box: [...(given ?? tight)] as [number, number, number, number],
    label: label ?? null,
  };
  const inserted = await (group === undefined
    ? addAnnotation(db, row)
    : db.transaction(async (tx) => {
        await holdImage(tx, scope, imageId);
        await setSplitGroup(tx, scope, imageId, group);
        return addAnnotation(tx, row);
      }));
  return { ...inserted, width, height };
}

const boxMisses = (given: Box): AppError =>
  new AppError("box_misses_mask", `box [${given.join(", ")}] holds no pixel of the mask`, { param: "box" });
