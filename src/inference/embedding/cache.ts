import { LRUCache } from "lru-cache";
import type { BaseModel } from "../../checkpoint/base-models.ts";
import { AppError } from "../../lib/errors.ts";
import type { Flip } from "../../imaging/flips.ts";
import type { Box } from "../../imaging/types.ts";
import { deleteBelow } from "../../storage/delete-below.ts";
import { keys } from "../../storage/keys.ts";
import type { ObjectStore } from "../../storage/store.ts";
import type { BaseModels } from "../../base-models/registry.ts";
import { imageVector, toBytes } from "../../imaging/worth/image-vector.ts";
import type { ImageNotes } from "../image-notes.ts";
import type { EmbeddingShelf } from "./shelf.ts";
import { Flight } from "../turns/flight.ts";
import { Slots } from "../../lib/slots.ts";
import { decodeEmbedding, encodeEmbedding } from "./stored.ts";
import type { Embedded, EmbedOptions, ImageEmbedding, ImageSource } from "../types.ts";

/** Encodes an image, or a part of it; it asks for bytes when its turn has come. */
export type Encode = (
  model: BaseModel,
  image: { source: ImageSource; region?: Box | undefined; flip?: Flip | undefined },
  signal: AbortSignal,
) => Promise<ImageEmbedding>;

interface Wanted {
  readonly key: string;
  readonly workspaceId: string;
  readonly model: BaseModel;
  readonly image: ImageSource;
  readonly region: Box | undefined;
  readonly flip: Flip | undefined;
}

/**
 * Embeddings from memory, then the object store, then the encoder. Callers who ask for the same one at the same time
 * share one look-up and one encode; a new one is handed out while it is being stored. A stored embedding that is damaged is
 * encoded anew and replaced. Where the shelf has no room, an embedding stays in memory alone.
 */
export class EmbeddingCache {
  readonly #store: ObjectStore;
  readonly #shelf: EmbeddingShelf | undefined;
  readonly #notes: ImageNotes | undefined;
  readonly #models: BaseModels;
  readonly #encode: Encode;
  readonly #memory: LRUCache<string, ImageEmbedding>;
  readonly #flights = new Map<string, Flight<Embedded>>();
  /** Embeddings on their way into the store, by key. */
  readonly #writes = new Map<string, Promise<void>>();
  /** An image's bytes are fetched when its turn comes, so that waiting ones take no memory. Workspaces take turns. */
  readonly #encoder = new Slots(1);

  /**
   * @param options.shelf left out, everything is stored
   * @param options.notes keeps the vector of each whole image; left out, nobody does
   * @param options.onDrop hears of each embedding that leaves the memory
   */
  constructor(options: {
    store: ObjectStore;
    shelf?: EmbeddingShelf | undefined;
    notes?: ImageNotes | undefined;
    models: BaseModels;
    bytes: number;
    encode: Encode;
    onDrop?: (embedding: ImageEmbedding) => void;
  }) {
    this.#store = options.store;
    this.#shelf = options.shelf;
    this.#notes = options.notes;
    this.#models = options.models;
    this.#encode = options.encode;
    const { onDrop } = options;
    this.#memory = new LRUCache({
      maxSize: options.bytes,
      // One that is larger than all room is kept alone: whoever asks twice should not encode twice
      sizeCalculation: ({ data }) => Math.min(options.bytes, data.byteLength),
      ...(onDrop ? { dispose: (embedding) => onDrop(embedding) } : {}),
    });
  }

  async get(image: ImageSource, options: EmbedOptions): Promise<Embedded> {
    const model = await this.#models.get(options.baseModel);
    options.signal?.throwIfAborted();
    const { workspaceId, region, flip } = options;
    const key =
      region || flip
        ? keys.regionEmbedding(workspaceId, model.embeddingId, image.sha256, { region, flip })
        : keys.embedding(workspaceId, model.embeddingId, image.sha256);
    const embedding = this.#memory.get(key);
    if (embedding) return { embedding, from: "memory" };
    let flight = this.#flights.get(key);
    if (!flight) {
      const forget = (): void => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      };
      flight = new Flight(async (signal) => {
        try {
          return await this.#find({ key, workspaceId, model, image, region, flip }, signal);
        } finally {
          forget();
        }
      }, forget);
      this.#flights.set(key, flight);
    }
    const found = await flight.join(options.signal);
    if (!options.passing) this.#memory.set(key, found.embedding);
    return found;
  }

  /** Removes the embeddings of every base model, with those of its regions, from memory and the store. */
  async forget(image: { workspaceId: string; sha256: string }): Promise<void> {
    for (const name of await this.#models.names()) {
      const { embeddingId } = await this.#models.get(name);
      const key = keys.embedding(image.workspaceId, embeddingId, image.sha256);
      this.#memory.delete(key);
      const prefix = keys.regionEmbeddingPrefix(image.workspaceId, embeddingId, image.sha256);
      for (const held of this.#memory.keys()) if (held.startsWith(prefix)) this.#memory.delete(held);
      await Promise.allSettled(
        [...this.#writes].flatMap(([to, write]) => (to === key || to.startsWith(prefix) ? [write] : [])),
      );
      await this.#store.delete(key);
      await deleteBelow(this.#store, prefix);
    }
    await this.#shelf?.dropImage(image.workspaceId, image.sha256);
    await this.#notes?.drop(image);
  }

  /** Removes from the store what other things of the workspace have taken the room of. */
  async makeRoom(workspaceId: string): Promise<void> {
    await this.#giveWay((await this.#shelf?.crowdedOut(workspaceId)) ?? []);
  }

  async #find(wanted: Wanted, signal: AbortSignal): Promise<Embedded> {
    const { key, model, image, region, flip } = wanted;
    const known = await this.#stored(wanted);
    if (known) {
      await this.#note(wanted, known);
      return { embedding: known, from: "store" };
    }
    const embedding = await this.#encoder.run(
      async () => this.#encode(model, { source: image, region, flip }, signal),
      { owner: wanted.workspaceId, signal },
    );
    const stored = this.#keep(wanted, embedding).finally(() => this.#writes.delete(key));
    this.#writes.set(key, stored);
    // Those who don't wait for it need not hear of it.
    stored.catch(() => undefined);
    return { embedding, from: "encoder", stored };
  }

  async #stored({ key, workspaceId, model, image }: Wanted): Promise<ImageEmbedding | null> {
    let file: Uint8Array;
    try {
      file = await this.#store.get(key);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === "object_not_found") return null;
      if (error.code !== "object_corrupted") throw error;
      await this.#store.delete(key);
      return null;
    }
    let embedding: ImageEmbedding;
    try {
      embedding = decodeEmbedding(file, model.family);
    } catch {
      // Its key promises an embedding; whatever else lies there would be served for ever.
      await this.#store.delete(key);
      return null;
    }
    await this.#shelf?.touch({
      workspaceId,
      objectKey: key,
      imageSha256: image.sha256,
      bytes: file.length,
    });
    return embedding;
  }

  async #keep(wanted: Wanted, embedding: ImageEmbedding): Promise<void> {
    await this.#note(wanted, embedding);
    await this.#write(wanted, encodeEmbedding(embedding));
  }

  /** Small and soon made, and the embedding may be gone when somebody asks how far images lie apart. */
  async #note({ workspaceId, model, image, region, flip }: Wanted, embedding: ImageEmbedding): Promise<void> {
    if (region || flip) return;
    const noted = { workspaceId, sha256: image.sha256, embeddingId: model.embeddingId };
    await this.#notes?.vector(noted, toBytes(imageVector(embedding)));
  }

  async #write({ key, workspaceId, image }: Wanted, file: Uint8Array): Promise<void> {
    const embedding = { workspaceId, objectKey: key, imageSha256: image.sha256, bytes: file.length };
    const place = await this.#shelf?.admit(embedding);
    if (place) await this.#giveWay(place.giveWay);
    if (place?.admitted === false) return;
    try {
      await this.#store.put(key, file, { contentType: "application/octet-stream" });
    } catch (error) {
      // Another machine encoded the same image meanwhile; its last bits may differ, both are right.
      if (error instanceof AppError && error.code === "object_conflict") return;
      await this.#shelf?.drop([key]);
      throw error;
    }
  }

  async #giveWay(keysToGo: readonly string[]): Promise<void> {
    for (const key of keysToGo) await this.#store.delete(key);
  }
}
