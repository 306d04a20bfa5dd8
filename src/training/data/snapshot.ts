import type { Part } from "../../domain/data-import.ts";
import { type AnnotationLineage, type FeedbackLineage, isProposal } from "../../domain/feedback.ts";
import { isFound } from "../../domain/prompts.ts";
import type { ModelFamily } from "../../domain/model-family.ts";
import type { Box, Point } from "../../imaging/types.ts";
import { canonicalJson, sha256 } from "../../lib/hash.ts";
import { keys } from "../../storage/keys.ts";
import { imageSource } from "../../storage/named-objects.ts";
import type { ObjectStore } from "../../storage/store.ts";

/** An annotation with its image, as they are stored. */
export interface AnnotatedRow {
  readonly image: {
    readonly id: string;
    readonly sha256: string;
    readonly bytes: number;
    readonly width: number;
    readonly height: number;
    readonly objectKey: string;
    readonly splitGroup: string | null;
    readonly part?: Part | null;
    readonly complete?: boolean | null;
  };
  readonly annotation: {
    readonly id: string;
    readonly counts: string;
    readonly box: Box;
    readonly label: string | null;
    /** Lineage of masks that a version had made: which one, and what for. */
    readonly lineage?: AnnotationLineage | null;
  };
}

export interface SnapshotImage {
  readonly id: string;
  /** SHA-256 of the bytes as uploaded. */
  readonly sha256: string;
  readonly bytes: number;
  /** Pixels, after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly object_key: string;
  readonly group: string | null;
  /** The user's own part of the data, where it is to be kept. */
  readonly part?: Part;
  /** Whether all objects on it are annotated, where somebody has said so. */
  readonly complete?: boolean;
  /** The family of the base model that encodes it; left out where that is SAM's. */
  readonly family?: ModelFamily;
}

export interface SnapshotAnnotation {
  readonly id: string;
  /** The image's id. */
  readonly image: string;
  /** COCO's compressed run lengths, at the image's size. */
  readonly counts: string;
  /** [x0, y0, x1, y1] in pixels of the image. */
  readonly box: Box;
  readonly label: string | null;
  /** Set for a mask that feedback made: which version had seen which prompt. The prompts feed prompt sampling. */
  readonly feedback?: SnapshotFeedback;
  /** Set for a mask that a version had found and somebody accepted: nobody had pointed at it. */
  readonly proposed?: { readonly action: "accept" | "correct"; readonly version: number };
}

export interface SnapshotFeedback {
  readonly action: "accept" | "correct";
  readonly prediction: string;
  /** 0 is the base. */
  readonly version: number;
  /** Pixels of the image; points are [x, y, label]. With `grid` a model has chosen them, segment-everything or a finder. */
  readonly prompt: { readonly box?: Box; readonly points?: readonly Point[]; readonly grid?: true };
}

/** All that a fine-tune learns from, frozen: images that carry annotations, and those annotations. */
export interface Snapshot {
  readonly format: 1;
  readonly project: string;
  readonly base_model: string;
  readonly images: readonly SnapshotImage[];
  readonly annotations: readonly SnapshotAnnotation[];
}

export interface FrozenSnapshot {
  readonly snapshot: Snapshot;
  /** SHA-256 of the canonical JSON that lies in the object store. */
  readonly hash: string;
  readonly key: string;
}

/**
 * Sorted by content (image hash, then mask and box), not by id or age, so that the same data trains the same
 * decoder in whatever project it lies and in whatever order it came.
 */
export function buildSnapshot(
  project: { id: string; baseModel: string; family?: ModelFamily },
  rows: readonly AnnotatedRow[],
): Snapshot {
  const images = new Map<string, SnapshotImage>();
  for (const { image } of rows) {
    images.set(image.id, snapshotImage(image, project.family));
  }
  const annotations = rows.map(({ image, annotation }) => ({
    order: `${image.sha256} ${annotation.counts} ${annotation.box.join(" ")} ${annotation.label ?? ""} ${annotation.id}`,
    value: {
      id: annotation.id,
      image: image.id,
      counts: annotation.counts,
      box: annotation.box,
      label: annotation.label,
      ...(annotation.lineage && originOf(annotation.lineage)),
    },
  }));
  return {
    format: 1,
    project: project.id,
    base_model: project.baseModel,
    images: [...images.values()].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
    annotations: annotations.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ value }) => value),
  };
}

/** An image of a snapshot as inference takes it. Its bytes throw AppError image_damaged. */
export const sourceOf = (store: ObjectStore, image: Pick<SnapshotImage, "id" | "sha256" | "object_key">) =>
  imageSource(store, { id: image.id, sha256: image.sha256, objectKey: image.object_key });

/** An image of a snapshot, as it is stored. */
export const snapshotImage = (image: AnnotatedRow["image"], family: ModelFamily = "sam"): SnapshotImage => ({
  id: image.id,
  sha256: image.sha256,
  bytes: image.bytes,
  width: image.width,
  height: image.height,
  object_key: image.objectKey,
  group: image.splitGroup,
  ...(image.part && { part: image.part }),
  ...(typeof image.complete === "boolean" && { complete: image.complete }),
  ...(family !== "sam" && { family }),
});

const originOf = (lineage: AnnotationLineage): Pick<SnapshotAnnotation, "feedback" | "proposed"> =>
  isProposal(lineage)
    ? { proposed: { action: lineage.action, version: lineage.version } }
    : { feedback: feedbackOf(lineage) };

const feedbackOf = ({ action, predictionId, version, prompt }: FeedbackLineage): SnapshotFeedback => ({
  action,
  prediction: predictionId,
  version,
  prompt: {
    ...(prompt.box && { box: prompt.box }),
    ...(prompt.points && { points: prompt.points }),
    ...((prompt.grid || isFound(prompt)) && { grid: true }),
  },
});

/** Writes the snapshot under its own hash; frozen twice, the same data is one object. */
export async function freezeSnapshot(store: ObjectStore, snapshot: Snapshot): Promise<FrozenSnapshot> {
  const frozen = draftSnapshot(snapshot);
  const text = canonicalJson(snapshot);
  await store.put(frozen.key, Buffer.from(text), { contentType: "application/json" });
  return frozen;
}

/** What it would be frozen as; nothing is written. */
export function draftSnapshot(snapshot: Snapshot): FrozenSnapshot {
  const hash = sha256(canonicalJson(snapshot));
  return { snapshot, hash, key: keys.snapshot(snapshot.project, hash) };
}

/** A snapshot that was frozen before. The store checks its bytes. Throws AppError object_not_found. */
export async function loadSnapshot(
  store: ObjectStore,
  projectId: string,
  hash: string,
): Promise<FrozenSnapshot> {
  const key = keys.snapshot(projectId, hash);
  return { snapshot: JSON.parse((await store.get(key)).toString()) as Snapshot, hash, key };
}

/** The annotations of some of its images, in the snapshot's order. */
export function annotationsOf(snapshot: Snapshot, images: readonly SnapshotImage[]): SnapshotAnnotation[] {
  const wanted = new Set(images.map((image) => image.id));
  return snapshot.annotations.filter((annotation) => wanted.has(annotation.image));
}
