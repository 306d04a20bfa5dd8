import type { Database } from "../../db/client.ts";
import {
  type Beginning,
  insertBeginning,
  selectBeginning,
  selectImagesById,
} from "../../db/queries/fine-tune-beginning.ts";
import { type FineTune, getFineTune } from "../../db/queries/fine-tunes.ts";
import { selectKnownEmpty } from "../../db/queries/known-empty.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { getTunedVersion, getVersion, isTuned, type TunedVersion } from "../../db/queries/versions.ts";
import { AppError } from "../../lib/errors.ts";
import { keys } from "../../storage/keys.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { loadSnapshot } from "../../training/data/snapshot.ts";
import { mostEmpty } from "../../training/finder/empty-images.ts";
import { runFineTune } from "../fine-tune/run.ts";
import type { TrainerServices } from "../services.ts";
import { type Difference, differencesOf } from "./differences.ts";

/** Rows and objects of an installation. */
export interface Place {
  readonly db: Database;
  readonly store: ObjectStore;
}

export interface Reproduction {
  readonly version: number;
  /** Whether it is the same, bit for bit. */
  readonly same: boolean;
  readonly differences: readonly Difference[];
}

/**
 * Trains a version again, from its frozen data and its seed, and compares what comes of it with what is registered. Nothing
 * is written into `from`; `to` is an installation of its own, without a row, whose engine is the version's.
 * Throws AppError version_not_found, version_not_usable (it was imported or stopped by hand, or what it learnt from is
 * gone), and an Error with the reason where the training fails.
 */
export async function reproduceVersion(
  from: Place,
  to: TrainerServices,
  { scope, number, signal }: { scope: ProjectScope; number: number; signal: AbortSignal },
): Promise<Reproduction> {
  const version = await getVersion(from.db, scope, number);
  if (!isTuned(version)) throw notUsable(number, "was imported: it has no training of ours");
  const fineTune = await getFineTune(from.db, scope, version.fineTuneId);
  if (fineTune.stopRequestedAt)
    throw notUsable(number, "was stopped by hand, and what it had learnt by then depended on the machine");
  await copyBeginning(from, to, { scope, version, fineTune });
  await runFineTune(to, fineTune.id, signal);
  signal.throwIfAborted();
  const ended = await getFineTune(to.db, scope, fineTune.id);
  if (ended.resultVersion === null)
    throw new Error(`the training did not succeed: ${ended.error?.message ?? ended.status}`);
  const again = await getTunedVersion(to.db, scope, ended.resultVersion);
  const differences = differencesOf(version, again);
  return { version: number, same: differences.length === 0, differences };
}

const notUsable = (number: number, why: string): AppError =>
  new AppError("version_not_usable", `Version ${number} ${why}.`, { param: "version" });

/** Everything that the training reads: rows, the data, images, the versions that it began from, and its base model. */
async function copyBeginning(
  from: Place,
  to: Place,
  { scope, version, fineTune }: { scope: ProjectScope; version: TunedVersion; fineTune: FineTune },
): Promise<void> {
  const { snapshot } = await loadSnapshot(from.store, scope.projectId, version.snapshotHash);
  const { images: empty } = await selectKnownEmpty(from.db, scope, mostEmpty);
  const learnt = await selectImagesById(
    from.db,
    scope,
    snapshot.images.map(({ id }) => id),
  );
  const gone = snapshot.images.length - learnt.length;
  if (gone > 0)
    throw notUsable(
      version.number,
      `can't be trained again: ${gone} of its ${snapshot.images.length} images are deleted`,
    );
  const beginning = await selectBeginning(from.db, scope, fineTune);
  const images = new Map([...learnt, ...empty].map((image) => [image.id, image]));
  await insertBeginning(to.db, beginning, [...images.values()]);
  await copyObjects(from.store, to.store, [
    version.snapshotKey,
    ...[...images.values()].map(({ objectKey }) => objectKey),
    ...objectsOf(beginning),
  ]);
  for await (const name of basesOf(from.store, version.baseModel))
    for await (const key of from.store.list(keys.baseModelObjects(name)))
      await copyObjects(from.store, to.store, [key]);
}

/** An imported base model, and those whose image encoders it has; none where it comes with the program. */
async function* basesOf(store: ObjectStore, name: string): AsyncGenerator<string> {
  if ((await store.stat(keys.baseModel(name))) === null) return;
  yield name;
  const { encoder } = JSON.parse((await store.get(keys.baseModel(name))).toString()) as {
    encoder: { of?: string };
  };
  if (encoder.of !== undefined) yield* basesOf(store, encoder.of);
}

/** What versions are made of, those that were judged included. */
const objectsOf = ({ versions }: Beginning): string[] =>
  versions.flatMap(({ weightsKey, finder, refit }) => [
    weightsKey,
    ...(finder ? [finder.key] : []),
    ...(refit ? [refit.twin.weightsKey] : []),
  ]);

async function copyObjects(from: ObjectStore, to: ObjectStore, wanted: readonly string[]): Promise<void> {
  for (const key of new Set(wanted)) await to.put(key, await from.get(key));
}
