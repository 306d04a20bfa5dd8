import { decodeSafetensors } from "../../checkpoint/safetensors.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { Finder } from "../../domain/finder.ts";
import { finderShapes } from "../../domain/finder-layout.ts";
import { AppError, messageOf } from "../../lib/errors.ts";
import { KeptLoads } from "../../lib/kept-loads.ts";
import { registeredObject } from "../../storage/named-objects.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { type PackedWeights, packWeights } from "../decoder/packed-weights.ts";
import { ofVersion } from "../decoder/version-weights.ts";
import type { VersionRef } from "../types.ts";

/** Finders kept in memory, some .4 MiB each. */
const maxFinders = 64;

/** Weights of finders, loaded once and shared by all workers. */
export class FinderWeights {
  readonly #store: ObjectStore;
  readonly #loaded = new KeptLoads<PackedWeights>(maxFinders);

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Throws AppError object_not_found, or object_corrupted when the file is not the one that was registered. */
  async get(finder: Finder): Promise<PackedWeights> {
    const id = `finder:${finder.sha256}`;
    return this.#loaded.get(id, async () => this.#load(id, finder));
  }

  async #load(id: string, finder: Finder): Promise<PackedWeights> {
    return packWeights(id, await readFinder(this.#store, finder));
  }
}

/**
 * A finder's weights by finderShapes' names. Throws AppError object_not_found, or object_corrupted when the file is not the
 * one that was registered.
 */
export async function readFinder(
  store: Pick<ObjectStore, "get">,
  { key, sha256, labels }: Finder,
): Promise<NamedTensors> {
  const file = await registeredObject(store, { key, sha256 });
  try {
    const { tensors } = decodeSafetensors(file);
    for (const [name, shape] of Object.entries(finderShapes(labels.length)))
      if (tensors[name]?.shape.join() !== shape.join())
        throw new Error(`${name} is not [${shape.join(", ")}]`);
    return tensors;
  } catch (error) {
    const message = `a finder's weights can't be used: ${messageOf(error)}`;
    throw new AppError("object_corrupted", message, { cause: error });
  }
}

/** The same of a version. Throws AppError version_damaged. */
export const readFinderOf = (
  store: Pick<ObjectStore, "get">,
  version: VersionRef,
  finder: Finder,
): Promise<NamedTensors> => ofVersion(version, () => readFinder(store, finder));

/** The file that holds them, as it was registered. Throws AppError version_damaged. */
export const readFinderFile = (
  store: Pick<ObjectStore, "get">,
  version: VersionRef,
  finder: Finder,
): Promise<Buffer> => ofVersion(version, () => registeredObject(store, finder));
