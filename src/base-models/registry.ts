import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BaseModel, baseModelNames, builtInModel, unknownBaseModel } from "../checkpoint/base-models.ts";
import { decoderLayouts } from "../checkpoint/decoder-layouts.ts";
import { checkLayout } from "../checkpoint/layout.ts";
import { decodeSafetensors } from "../checkpoint/safetensors.ts";
import { AppError } from "../lib/errors.ts";
import { digestFile } from "../lib/hash.ts";
import type { SignedFile } from "../lib/model-signature.ts";
import { once } from "../lib/once.ts";
import { keys } from "../storage/keys.ts";
import type { ObjectStore } from "../storage/store.ts";
import { registeredObject } from "../storage/named-objects.ts";
import { type BaseModelManifest, readManifest, signedFiles } from "./manifest.ts";

const namePattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Whether a base model may be called so: it is part of object keys and of requests. */
export const isBaseModelName = (name: string): boolean => namePattern.test(name);

/** Rejects where an imported model is not what was signed; see db/signed-base-models.ts. */
export type HoldBaseModel = (model: {
  readonly name: string;
  readonly files: readonly SignedFile[];
}) => Promise<unknown>;

/**
 * The base models that there are: those that come with the package, and those that were imported into the object
 * store. An imported one never changes, so what was looked up once is kept.
 */
export class BaseModels {
  readonly #store: ObjectStore;
  readonly #folder: string;
  readonly #found = new Map<string, BaseModel>();
  readonly #hold: HoldBaseModel | undefined;

  /**
   * @param folder where image encoders of imported models are kept for onnxruntime, which reads files
   * @param hold is asked before an imported model is used for the first time; left out, none is held to a signature
   */
  constructor(store: ObjectStore, folder: string, hold?: HoldBaseModel) {
    this.#store = store;
    this.#folder = folder;
    this.#hold = hold;
  }

  /** Throws AppError base_model_unknown, listing those that there are. */
  async get(name: string): Promise<BaseModel> {
    const known = builtInModel(name) ?? this.#found.get(name);
    if (known) return known;
    const bytes = await this.#manifestBytes(name);
    if (!bytes) throw unknownBaseModel(name, await this.names());
    await this.#hold?.({ name, files: signedFiles(bytes) });
    const manifest = readManifest(bytes);
    const model = await this.#imported(manifest);
    this.#found.set(name, model);
    return model;
  }

  /** Built-in ones first, then imported ones by name. */
  async names(): Promise<string[]> {
    const imported: string[] = [];
    for await (const key of this.#store.list(keys.baseModelsPrefix)) {
      const name = key.split("/")[1] ?? "";
      if (key === keys.baseModel(name)) imported.push(name);
    }
    return [...baseModelNames(), ...imported];
  }

  /** All that there are, those with the smallest image encoder first, which is about the quickest. */
  async all(): Promise<BaseModel[]> {
    const models = await Promise.all(
      (await this.names()).map(async (name) => ({ name, bytes: await this.#encoderBytes(name) })),
    );
    const inOrder = models.sort((a, b) => a.bytes - b.bytes || (a.name < b.name ? -1 : 1));
    return Promise.all(inOrder.map(async ({ name }) => this.get(name)));
  }

  async #encoderBytes(name: string): Promise<number> {
    const builtIn = builtInModel(name);
    if (builtIn) return (await stat(await builtIn.encoderPath())).size;
    const encoder = (await this.manifest(name))?.encoder;
    if (!encoder) return 0;
    if ("of" in encoder) return this.#encoderBytes(encoder.of);
    return encoder.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** What the store says of an imported model, or null. */
  async manifest(name: string): Promise<BaseModelManifest | null> {
    const bytes = await this.#manifestBytes(name);
    return bytes && readManifest(bytes);
  }

  async #manifestBytes(name: string): Promise<Buffer | null> {
    if (!isBaseModelName(name)) return null;
    try {
      return await this.#store.get(keys.baseModel(name));
    } catch (error) {
      if (error instanceof AppError && error.code === "object_not_found") return null;
      throw error;
    }
  }

  async #imported(manifest: BaseModelManifest): Promise<BaseModel> {
    const { name, family, type, licence, encoder } = manifest;
    const own = {
      name,
      family,
      type,
      licence,
      decoderWeights: once(() => this.#decoder(manifest)),
    };
    if ("of" in encoder) {
      const other = await this.get(encoder.of);
      return {
        ...own,
        embeddingId: other.embeddingId,
        encoderInput: other.encoderInput,
        encoderPath: () => other.encoderPath(),
      };
    }
    return {
      ...own,
      embeddingId: manifest.embedding_id,
      encoderInput: encoder.input,
      encoderPath: () => this.#encoder(manifest.embedding_id, encoder),
    };
  }

  async #decoder({ family, decoder }: BaseModelManifest) {
    const { tensors } = decodeSafetensors(await registeredObject(this.#store, decoder));
    checkLayout(tensors, decoderLayouts[family]);
    return tensors;
  }

  /** The encoder's files on this machine's disk, fetched when they are first wanted; each fetch is checked by its hash. */
  async #encoder(
    id: string,
    { graph, files }: Extract<BaseModelManifest["encoder"], { graph: string }>,
  ): Promise<string> {
    const folder = join(this.#folder, id);
    const whole = await Promise.all(
      files.map(async ({ file, bytes }) => (await sizeOf(join(folder, file))) === bytes),
    );
    if (whole.every(Boolean)) return join(folder, graph);
    await mkdir(dirname(folder), { recursive: true });
    const draft = await mkdtemp(`${folder}-`);
    try {
      for (const { file, key, sha256 } of files) {
        await this.#store.getFile(key, join(draft, file));
        if ((await digestFile(join(draft, file))).sha256 !== sha256)
          throw new AppError("object_corrupted", `${key} is not the file that was imported`);
      }
      await rm(folder, { recursive: true, force: true });
      await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
        // Another process was faster, with the same files.
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    return join(folder, graph);
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch {
    return null;
  }
}
