import { unlink } from "node:fs/promises";
import type { Database } from "../../db/client.ts";
import { type Quotas, requireRoom, type selectRoom } from "../../db/queries/usage.ts";
import { mendObject } from "../../storage/named-objects.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { mediaTypeOf } from "../../imaging/sniff.ts";

/** Images that are written at once: a store on disk flushes each, and one far away answers late. */
const atOnce = 8;

/** What is known of an image's bytes. */
interface Placeable {
  readonly sha256: string;
  readonly byteLength: number;
  readonly facts: { readonly format: string };
}

type Room = Awaited<ReturnType<typeof selectRoom>>;

/** Puts images of an import to the object store, several at once, and holds them to what the workspace may have. */
export class Placed {
  readonly #db: Database;
  readonly #store: ObjectStore;
  readonly #given: { workspaceId: string; room: Room; quotas: Quotas };
  readonly #more: { images: number; bytes: number };
  readonly #going = new Set<Promise<void>>();
  #error: { readonly error: unknown } | undefined;
  /** Hashes of those that no part of the import has yet. */
  readonly recent = new Set<string>();

  /** `archiveBytes` go once the import has ended: its images take their room. */
  constructor(
    db: Database,
    store: ObjectStore,
    { archiveBytes, ...given }: { workspaceId: string; room: Room; quotas: Quotas; archiveBytes: number },
  ) {
    this.#db = db;
    this.#store = store;
    this.#given = given;
    this.#more = { images: 0, bytes: -archiveBytes };
  }

  /** Begins to write the file at `path`, which is removed then. Throws what an earlier one threw, or quota_exceeded. */
  async add(key: string, path: string, image: Placeable): Promise<void> {
    this.#check();
    if (this.recent.has(image.sha256)) {
      // The same bytes under way or written: they take their room once.
      await unlink(path);
      return;
    }
    this.recent.add(image.sha256);
    const going = this.#put(key, path, image)
      .catch((error: unknown) => {
        this.#error ??= { error };
      })
      .finally(() => this.#going.delete(going));
    this.#going.add(going);
    if (this.#going.size >= atOnce) await Promise.race(this.#going);
  }

  /** Once all that was begun is written. Throws what one of them threw. */
  async settled(): Promise<void> {
    await this.idle();
    this.#check();
  }

  /** Once nothing is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#going);
  }

  #check(): void {
    if (this.#error) throw this.#error.error;
  }

  async #put(key: string, path: string, { sha256, byteLength, facts }: Placeable): Promise<void> {
    const { workspaceId, room, quotas } = this.#given;
    const isThere = (await this.#store.stat(key)) !== null;
    const isBounded = room.images !== Infinity || room.bytes !== Infinity;
    if (isBounded && !isThere) {
      this.#more.images++;
      this.#more.bytes += byteLength;
      // What would be refused at the end is not stored before.
      if (this.#more.images > room.images || this.#more.bytes > room.bytes)
        await requireRoom(this.#db, workspaceId, quotas, { more: { ...this.#more } });
    }
    if (isThere) await mendObject(this.#store, { key, sha256, path });
    await this.#store.putFile(key, path, {
      contentType: mediaTypeOf(facts.format),
      given: { bytes: byteLength, sha256 },
    });
  }
}
