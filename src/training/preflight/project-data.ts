import type { ModelFamily } from "../../domain/model-family.ts";
import { fewestAnnotatedImages } from "../../domain/hyperparameters.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { type Grouping, groupNearDuplicates } from "../data/near-duplicates.ts";
import { splitSeed } from "../data/prepare.ts";
import { type AnnotatedRow, buildSnapshot, type Snapshot, type SnapshotImage } from "../data/snapshot.ts";
import { groupKey, type Split, splitSnapshot } from "../data/split.ts";
import type { Found } from "./report.ts";

/** Below it a fine-tune has no images of its own to choose its best epoch by, and its intervals are wide. */
const comfortableGroups = 8;
/** Ids of one finding that are told. */
export const mostIds = 20;

/** A project's data as a fine-tune would take it now; nothing of it is frozen. */
export interface ProjectData {
  readonly snapshot: Snapshot;
  readonly grouping: Grouping;
  readonly groupOf: (image: SnapshotImage) => string;
  readonly groups: number;
  /** Null where there is nothing to split. */
  readonly split: Split | null;
  readonly found: readonly Found[];
}

/** What is stored of a project. */
export interface StoredProject {
  readonly id: string;
  readonly baseModel: string;
  readonly family?: ModelFamily;
  readonly annotated: readonly AnnotatedRow[];
  /** Images without an annotation: how many, and the ids of some. */
  readonly bare: { readonly count: number; readonly ids: string[] };
  /** Those that are known to hold nothing, likewise. */
  readonly empty: { readonly count: number; readonly ids: string[] };
}

/** Splits what there is, and says what it lacks as a whole. */
export async function readProject(store: ObjectStore, project: StoredProject): Promise<ProjectData> {
  const snapshot = buildSnapshot(project, project.annotated);
  const grouping = await groupNearDuplicates(store, snapshot.images);
  const apart = splitSnapshot(snapshot, splitSeed, grouping.groupOf);
  const split = apart ?? splitSnapshot(snapshot, splitSeed);
  const groupOf = apart ? grouping.groupOf : groupKey;
  const groups = new Set(snapshot.images.map(groupOf)).size;
  const { bare, empty } = project;
  const found = [
    ...ofNumbers(snapshot.images.length, groups, split !== null),
    ...grouping.together.map(together),
    ...(bare.count > 0 ? [withoutAnnotations(bare)] : []),
    ...(empty.count > 0 ? [knownEmpty(empty)] : []),
  ];
  return { snapshot, grouping, groupOf, groups, split, found };
}

function ofNumbers(images: number, groups: number, canJudge: boolean): Found[] {
  const ids = { image_ids: [], annotation_ids: [] };
  if (images < fewestAnnotatedImages) {
    const message = `A fine-tune needs at least ${fewestAnnotatedImages} annotated images; this project has ${images}.`;
    return [{ code: "too_few_images", severity: "error", message, ...ids }];
  }
  if (groups < 2) {
    const message = "All annotated images are of one group; one more is needed, to judge by.";
    return [{ code: "too_few_groups", severity: "error", message, ...ids }];
  }
  if (!canJudge) {
    const message =
      "Versions have found every object of all annotated images but those of one group: such images only train. Annotate images of two groups yourself, to judge by.";
    return [{ code: "too_few_groups", severity: "error", message, ...ids }];
  }
  if (groups >= comfortableGroups) return [];
  const message = `Images of ${groups} groups are few: with ${comfortableGroups} or more, some can choose the best epoch and the scores get narrower intervals.`;
  return [{ code: "too_few_groups", severity: "warning", message, ...ids }];
}

const together = ({ by, ids }: Grouping["together"][number]): Found => ({
  code: "image_near_duplicate",
  severity: "warning",
  message:
    `${ids.length} images of different groups ${by === "copy" ? "look the same" : "show parts of one picture or scene"}; ` +
    'they will stand on one side of the split, unless the fine-tune\'s grouping is "none".',
  image_ids: ids.slice(0, mostIds),
  annotation_ids: [],
});

const withoutAnnotations = ({ count, ids }: { count: number; ids: string[] }): Found => ({
  code: "images_without_annotations",
  severity: "info",
  message: `${count} ${count === 1 ? "image has" : "images have"} no annotation; a fine-tune leaves them out.`,
  image_ids: ids,
  annotation_ids: [],
});

const knownEmpty = ({ count, ids }: { count: number; ids: string[] }): Found => ({
  code: "images_known_empty",
  severity: "info",
  message: `${count} ${count === 1 ? "image is" : "images are"} known to hold no object. Every prompt is of an object, so a fine-tune does not use ${count === 1 ? "it" : "them"}.`,
  image_ids: ids,
  annotation_ids: [],
});
