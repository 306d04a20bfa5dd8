import type { BaseModel } from "../../checkpoint/base-models.ts";
import { decoderLayouts } from "../../checkpoint/decoder-layouts.ts";
import { checkLayout } from "../../checkpoint/layout.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { decodeSafetensors } from "../../checkpoint/safetensors.ts";
import { AppError, messageOf } from "../../lib/errors.ts";
import { KeptLoads } from "../../lib/kept-loads.ts";
import { named, registeredObject } from "../../storage/named-objects.ts";
import type { ObjectStore } from "../../storage/store.ts";
import type { BaseModels } from "../../base-models/registry.ts";
import { type PackedWeights, packWeights } from "./packed-weights.ts";
import type { VersionRef } from "../types.ts";

/** Bytes of decoder weights kept in memory where nothing else is said. */
const defaultBytes = 256 * 1024 * 1024;

/** Decoder weights of versions, loaded once and shared by all workers. */
export class VersionWeights {
  readonly #store: ObjectStore;
  readonly #models: BaseModels;
  readonly #loaded: KeptLoads<PackedWeights>;

  /** @param bytes of weights kept in memory at most; those of prompts under way are beside them */
  constructor(store: ObjectStore, models: BaseModels, bytes = defaultBytes) {
    this.#loaded = new KeptLoads({ bytes, bytesOf: ({ buffer }) => buffer.byteLength });
    this.#store = store;
    this.#models = models;
  }

  /** Throws AppError version_damaged where the file is missing or not the one that was registered. */
  async get(version: VersionRef, baseModelName: string): Promise<PackedWeights> {
    const id =
      version.number === 0 ? `base:${baseModelName}` : `${version.weightsKey}:${version.weightsSha256}`;
    return this.#loaded.get(id, async () => this.#load(id, version, baseModelName));
  }

  async #load(id: string, version: VersionRef, baseModelName: string): Promise<PackedWeights> {
    const base = await this.#models.get(baseModelName);
    const weights = await readVersionWeights(this.#store, version, base);
    // As Meta's predictor of SAM 2 does; a fine-tune has taught token 0 alone
    const dynamicMultimask = version.number === 0 && base.family === "sam2";
    return packWeights(id, weights, { dynamicMultimask });
  }
}

/**
 * A version's decoder weights by Meta's names, from the store; the base's where the version is number 0.
 * Throws AppError version_damaged.
 */
export async function readVersionWeights(
  store: ObjectStore,
  version: VersionRef,
  base: Pick<BaseModel, "decoderWeights" | "family">,
): Promise<NamedTensors> {
  if (version.number === 0) return base.decoderWeights();
  return ofVersion(version, async () => {
    const file = await weightsFile(store, version);
    try {
      const { tensors } = decodeSafetensors(file);
      checkLayout(tensors, decoderLayouts[base.family]);
      return tensors;
    } catch (error) {
      const message = `the weights of version ${version.number} can't be used: ${messageOf(error)}`;
      throw new AppError("object_corrupted", message, { cause: error });
    }
  });
}

/** The safetensors file of a version's decoder, as it was registered. Throws AppError version_damaged. */
export const readWeightsFile = (store: ObjectStore, version: VersionRef): Promise<Buffer> =>
  ofVersion(version, () => weightsFile(store, version));

async function weightsFile(store: ObjectStore, version: VersionRef): Promise<Buffer> {
  const { weightsKey: key, weightsSha256: sha256 } = version;
  if (!key || !sha256) throw new Error(`version ${version.number} names no weights`);
  return registeredObject(store, { key, sha256 });
}

/** What `read` throws of a lost object becomes AppError version_damaged. */
export const ofVersion = <T>({ number }: VersionRef, read: () => Promise<T>): Promise<T> =>
  named(
    "version_damaged",
    (fault) =>
      `The weights of version ${number} are ${fault} in the object store. Promote another version, or bring them back from a backup.`,
    read,
  );
