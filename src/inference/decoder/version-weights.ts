import type { BaseModel } from "../../checkpoint/base-models.ts";
import { checkLayout } from "../../checkpoint/layout.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { decodeSafetensors } from "../../checkpoint/safetensors.ts";
import { AppError, messageOf } from "../../lib/errors.ts";
import { sha256 } from "../../lib/hash.ts";
import { KeptLoads } from "../../lib/kept-loads.ts";
import type { ObjectStore } from "../../storage/store.ts";
import type { BaseModels } from "../../base-models/registry.ts";
import { type PackedWeights, packWeights } from "./packed-weights.ts";
import type { VersionRef } from "../types.ts";

/** Versions kept in memory, 16 MiB each. */
const maxVersions = 16;

/** Decoder weights of versions, loaded once and shared by all workers. */
export class VersionWeights {
  readonly #store: ObjectStore;
  readonly #models: BaseModels;
  readonly #loaded = new KeptLoads<PackedWeights>(maxVersions);

  constructor(store: ObjectStore, models: BaseModels) {
    this.#store = store;
    this.#models = models;
  }

  /** Throws AppError object_not_found, or object_corrupted when the file is not the one that was registered. */
  async get(version: VersionRef, baseModelName: string): Promise<PackedWeights> {
    const id =
      version.number === 0 ? `base:${baseModelName}` : `${version.weightsKey}:${version.weightsSha256}`;
    return this.#loaded.get(id, async () => this.#load(id, version, baseModelName));
  }

  async #load(id: string, version: VersionRef, baseModelName: string): Promise<PackedWeights> {
    const base = await this.#models.get(baseModelName);
    return packWeights(id, await readVersionWeights(this.#store, version, base));
  }
}

/**
 * A version's decoder weights by Meta's names, from the store; the base's where the version is number 0.
 * Throws AppError object_not_found, or object_corrupted when the file is not the one that was registered.
 */
export async function readVersionWeights(
  store: ObjectStore,
  version: VersionRef,
  base: Pick<BaseModel, "decoderWeights">,
): Promise<NamedTensors> {
  if (version.number === 0) return base.decoderWeights();
  const { weightsKey, weightsSha256 } = version;
  if (!weightsKey || !weightsSha256) throw new Error(`version ${version.number} names no weights`);
  const file = await store.get(weightsKey);
  const found = sha256(file);
  if (found !== weightsSha256) {
    const message = `the weights of version ${version.number} have sha256 ${found}, not ${weightsSha256}`;
    throw new AppError("object_corrupted", message);
  }
  try {
    const { tensors } = decodeSafetensors(file);
    checkLayout(tensors);
    return tensors;
  } catch (error) {
    const message = `the weights of version ${version.number} can't be used: ${messageOf(error)}`;
    throw new AppError("object_corrupted", message, { cause: error });
  }
}
