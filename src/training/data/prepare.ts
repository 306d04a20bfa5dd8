import type { ModelFamily } from "../../domain/model-family.ts";
import { AppError } from "../../lib/errors.ts";
import {
  fewestAnnotatedImages,
  type Hyperparameters,
  parseHyperparameters,
} from "../../domain/hyperparameters.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { asGiven, groupNearDuplicates } from "./near-duplicates.ts";
import { judgesOf, judging } from "./judges.ts";
import { type Sample, samplesOf, someOf } from "./samples.ts";
import {
  type AnnotatedRow,
  buildSnapshot,
  draftSnapshot,
  freezeSnapshot,
  type FrozenSnapshot,
  loadSnapshot,
  type Snapshot,
  type SnapshotImage,
} from "./snapshot.ts";
import { groupKey, splitSnapshot } from "./split.ts";

/** Choosing an epoch needs no more: the standard error of a mean IoU over 100 masks is below .03. */
const mostSelectionSamples = 100;

/**
 * The same for every run of every project, whatever the run's own seed: all versions are judged on the same images,
 * and one that starts from another has not learnt what it is judged by.
 */
export const splitSeed = 0;

export interface PreparedData {
  readonly frozen: FrozenSnapshot;
  /** Annotated images in all. */
  readonly images: number;
  /** Images in each set. */
  readonly counts: { train: number; selection: number; heldOut: number };
  readonly train: readonly Sample[];
  /** All that is annotated on the images that train. */
  readonly nearby: readonly Sample[];
  /** Never empty; the training samples where the split has no selection set. */
  readonly selection: readonly Sample[];
  readonly heldOut: readonly Sample[];
  /** All that is annotated on the images of two of the sets, for whatever looks at whole images. */
  readonly whole: { readonly selection: readonly Sample[]; readonly heldOut: readonly Sample[] };
  /** Which group an image is of; one without is its own, and near-duplicates share one. */
  readonly groupOf: (image: SnapshotImage) => string;
  /** Images that look like one of another group and were joined with it; see near-duplicates.ts. */
  readonly nearDuplicates: number;
  /** What was asked for; the recipe follows once the start is scored. */
  readonly asked: Hyperparameters;
}

/** What is asked for, and where the data comes from. */
export interface DataRequest {
  /** As they were sent. */
  readonly hyperparameters: unknown;
  readonly seed: number;
  /** Hash of the snapshot that an attempt before has frozen; null or left out for none. */
  readonly frozen?: string | null;
  /** Whether it is only to be looked at: nothing is frozen. */
  readonly draft?: boolean;
  /** Every annotation of the project with its image, of one moment. */
  annotated(): Promise<readonly AnnotatedRow[]>;
}

/**
 * Freezes the project's data, or takes what an attempt before has frozen, and splits it.
 * Throws AppError hyperparameter_invalid, not_enough_annotations.
 */
export async function prepareData(
  store: ObjectStore,
  project: { readonly id: string; readonly baseModel: string; readonly family?: ModelFamily },
  request: DataRequest,
): Promise<PreparedData> {
  const asked = parseHyperparameters(request.hyperparameters);
  const kept = request.frozen ? await loadSnapshot(store, project.id, request.frozen) : undefined;
  const snapshot = kept?.snapshot ?? buildSnapshot(project, await request.annotated());
  const images = snapshot.images.length;
  if (images < fewestAnnotatedImages) {
    throw new AppError(
      "not_enough_annotations",
      `Fine-tuning needs at least ${fewestAnnotatedImages} annotated images; this project has ${images}.`,
    );
  }
  const grouping = asked.grouping === "none" ? asGiven : await groupNearDuplicates(store, snapshot.images);
  const apart = splitSnapshot(snapshot, splitSeed, grouping.groupOf);
  // Where all images look alike (a fixed camera), judging by one of them is better than not at all.
  const split = apart ?? splitSnapshot(snapshot, splitSeed);
  if (!split) {
    throw new AppError(
      "not_enough_annotations",
      `The ${images} annotated images have fewer than two groups to judge by; fine-tuning needs one of these, and one to train on. Images of which versions have found every object do not count: annotate others yourself.`,
    );
  }
  const frozen = kept ?? (request.draft ? draftSnapshot(snapshot) : await freezeSnapshot(store, snapshot));
  const train = samplesOf(snapshot, split.train);
  const heldOut = samplesOf(snapshot, split.heldOut);
  const selection =
    split.selection.length > 0
      ? samplesOf(snapshot, split.selection)
      : judgingOf(snapshot, train, split.train);
  return {
    frozen,
    images,
    counts: {
      train: split.train.length,
      selection: split.selection.length,
      heldOut: split.heldOut.length,
    },
    train,
    nearby: train,
    selection: someOf(selection, mostSelectionSamples, request.seed),
    heldOut,
    whole: { selection, heldOut },
    groupOf: apart ? grouping.groupOf : groupKey,
    nearDuplicates: apart ? grouping.nearDuplicates : 0,
    asked,
  };
}

/** Those of the training samples that may judge: the very same objects, so that whoever asks sees that they have trained. */
function judgingOf(
  snapshot: Snapshot,
  train: readonly Sample[],
  images: readonly SnapshotImage[],
): readonly Sample[] {
  const may = new Set(judging(judgesOf(snapshot), images).map(({ id }) => id));
  return train.filter(({ image }) => may.has(image.id));
}
